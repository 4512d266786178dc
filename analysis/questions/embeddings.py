r"""What training does to the space of images: raw pixels, untrained and trained, in the plane.

python -m analysis.questions.embeddings --runs runs/report/full/pairs \
    --dataset-path data/course --count 2000 --output figures/data/full

The same test images in five spaces: their pixels, and the embeddings of both networks before and
after training. analysis.project lays each out by t-SNE and by UMAP, from a PCA start; how well the
classes keep together is measured in the space itself and in the plane.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from analysis import project
from analysis.build.plan import Plan, Step
from analysis.frame.command import made_by, start
from analysis.frame.results import Results, write_arrays, write_table
from analysis.frame.wording import percent, whole
from analysis.look.maps import draw_projection
from analysis.look.style import BLACK, COLOURS, FULL, NETWORKS, blank
from analysis.questions import Drawn, Sections, figure
from analysis.questions.filters import checkpoints_of, seed_of
from netlib import data as digits
from netlib import measure, nets, training

if TYPE_CHECKING:
    from netlib.data import DigitDataset

FILES = ("projections.npz", "projection_scores.csv")
METHOD_NAMES = {"tsne": "t-SNE", "umap": "UMAP"}
NEIGHBOURS = 10  # of both measures
SCORES = "space method n seed perplexity neighbours knn_accuracy trustworthiness".split()

SPACES = {
    "raw": "pixels",
    "standard_untrained": "standard, untrained",
    "mobilenet_untrained": "MobileNet, untrained",
    "standard_trained": "standard, trained",
    "mobilenet_trained": "MobileNet, trained",
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """Lay out test images in the plane: raw, untrained and trained.

    Attributes:
        runs: folder of kept runs, of analysis.sweep --keep.
        checkpoint: instead: any networks; their spaces are NAME_untrained and NAME_trained.
        seed: of the runs, the choice of images and the projection; default: of the pair with the
            median difference, of checkpoints 0.
        dataset_path: data set that they were trained on; of checkpoints any.
        count: test images, stratified; all if there are fewer.
        output: folder for projections.npz and its scores.
    """

    runs: Path | None = None
    checkpoint: tuple[Path, ...] = ()
    seed: int | None = None
    dataset_path: Path
    count: int = 2000
    output: Path


def steps(plan: Plan) -> Iterator[Step]:
    """Ten projections."""
    options = (*plan.kept, *plan.course, *plan.count)
    yield plan.step("embeddings", *options, outputs=" ".join(FILES), inputs="pairs.csv")


def run(options: Options) -> list[Path]:
    """Embed, project, measure, write."""
    from sklearn.manifold import trustworthiness

    seed = seed_of(options)
    options = replace(options, seed=seed)  # as it is recorded
    labels, chosen, spaces = spaces_of(options, seed)
    labels = labels[chosen].astype(np.uint8)
    layouts = {method: project.settings(method, len(chosen), "pca") for method in METHOD_NAMES}
    planes, rows = {}, []
    for name, space in spaces.items():
        of_space = {"space": name, "n": len(chosen), "seed": seed}
        rows.append({**of_space, "method": "none", "knn_accuracy": knn_accuracy(space, labels)})
        for method, layout in layouts.items():
            plane = project.project(space, method, seed, "pca").astype(np.float32)
            planes[f"{method}_{name}"] = plane
            rows.append(
                {
                    **of_space,
                    "method": method,
                    "perplexity": layout.get("perplexity"),
                    "neighbours": layout.get("n_neighbors"),
                    "knn_accuracy": knn_accuracy(plane, labels),
                    "trustworthiness": trustworthiness(space, plane, n_neighbors=NEIGHBOURS),
                }
            )
            print(f"{method} of {name}", flush=True)
    made = made_by(
        options, "torch", "scikit-learn", n=len(chosen), neighbours_of_scores=NEIGHBOURS, **layouts
    )
    arrays = {**planes, "labels": labels, "indices": chosen.astype(np.int32)}
    table = pd.DataFrame(rows, columns=SCORES)
    table = table.sort_values("method", key=lambda m: m != "none", kind="stable")
    return [
        write_arrays(options.output / "projections.npz", arrays, made),
        write_table(options.output / "projection_scores.csv", table, digits=6),
    ]


def spaces_of(options: Options, seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Labels (N,) of all test images, the n chosen ones, their spaces: name -> (n, D) float32.

    Each network sees the images in its own size, pixels are as the first one sees them.
    """
    from analysis import evaluate

    kept = measure.find_pairs(options.runs).at(seed) if options.runs else {}
    spaces: dict[str, np.ndarray] = {}
    trained: dict[str, np.ndarray] = {}
    for name, path in checkpoints_of(options, seed).items():
        wanted = evaluate.Options(
            dataset_path=options.dataset_path, checkpoint=path, output=options.output
        )
        asked = evaluate.ask(wanted)
        if name in kept:
            measure.check_test_set(kept[name], asked.dataset, options.dataset_path)
        labels = asked.dataset.labels.numpy()
        chosen = digits.some_stratified(labels, options.count, seed)
        pixels = asked.dataset.images[chosen].flatten(1).numpy().astype(np.float32) / 255
        spaces.setdefault("raw", pixels)
        metadata = asked.info.metadata
        first = metadata.get("config", {}).get("seed", seed)
        spaces[f"{name}_untrained"] = untrained(metadata["spec"], first, asked.dataset, chosen)
        trained[f"{name}_trained"] = asked.prediction.embeddings[chosen]
    return labels, chosen, spaces | trained


def untrained(
    spec: dict[str, Any], seed: int, dataset: "DigitDataset", chosen: np.ndarray
) -> np.ndarray:
    """Embeddings by the weights that a training of this seed begins with."""
    training.seed_everything(seed)
    net = nets.Network(spec)
    parts = np.array_split(chosen, -(-len(chosen) // 500))
    return training.infer(net, (dataset.batch(part.tolist()) for part in parts)).embeddings.numpy()


def knn_accuracy(points: np.ndarray, labels: np.ndarray) -> float:
    """Share of points whose nearest other points vote for their class."""
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(NEIGHBOURS).fit(points, labels)
    return float(model.score(None, labels))  # None: no point is its own neighbour


@figure("The test images in the plane by t-SNE", *FILES, "errors.npz", name="tsne", method="tsne")
@figure("The test images in the plane by UMAP", *FILES, "errors.npz", name="umap", method="umap")
def projection(data: Results, method: str) -> Drawn:
    """The same points as pixels and as embeddings, untrained and trained; errors ringed."""
    arrays = data.arrays("projections.npz")
    figure = blank(FULL, 8.4)
    places = [["raw", "standard_untrained", "standard_trained"],
              ["raw", "mobilenet_untrained", "mobilenet_trained"]]  # fmt: skip
    axes = figure.subplot_mosaic(cast(Any, places))
    for space, ax in axes.items():
        network, _, state = space.partition("_")
        wrong = errors_among(data, network, arrays["indices"]) if state == "trained" else None
        draw_projection(ax, arrays[f"{method}_{space}"], arrays["labels"], wrong=wrong)
        ax.set_title(SPACES[space], color=COLOURS.get(network, BLACK))
    table = data.table("projection_scores.csv")
    rows = table[table["method"] == method]
    column = "perplexity" if method == "tsne" else "neighbours"
    setting = ", ".join(f"{value:.3g}" for value in rows[column].dropna().unique())
    return figure, (
        f"{METHOD_NAMES[method]} of the same {rows['n'].iloc[0]:,} test images as pixels and as "
        f"embeddings of both networks before and after training ({column} {setting}, runs of seed "
        f"{rows['seed'].iloc[0]}); each class's number is at or above its median; "
        "those that would hide another are left out. Rings: images that the network reads wrong. "
        "Distances between clusters mean little."
    )


def errors_among(data: Results, network: str, indices: np.ndarray) -> np.ndarray:
    """Which of these test images the network of the shown pair reads wrong."""
    arrays = data.arrays("errors.npz")
    return np.isin(indices, arrays["indices"][arrays[network] != arrays["labels"]])


def say(data: Results) -> Sections:
    """Whether neighbours are of one class: pixels, untrained, trained."""
    table = data.table("projection_scores.csv").set_index(["space", "method"])
    knn = table["knn_accuracy"].xs("none", level="method")
    rows = [
        {
            "space": title,
            "knn": percent(knn[space]),
            **{
                f"{method}_{key}": percent(table.loc[(space, method), column])
                for method in METHOD_NAMES
                for key, column in (("knn", "knn_accuracy"), ("trust", "trustworthiness"))
            },
        }
        for space, title in SPACES.items()
    ]
    section = {
        "n": whole(table["n"].iloc[0]),
        "rows": rows,
        **{space: percent(knn[space]) for space in SPACES},
        "worse": str(sum(knn[f"{name}_untrained"] < knn["raw"] for name in NETWORKS)),
        "better": str(sum(knn[f"{name}_trained"] > knn["raw"] for name in NETWORKS)),
    }
    return {"embeddings": section}


def conclude(data: Results, sections: Sections) -> Iterator[str]:
    """Random features against pixels."""
    section = sections["embeddings"]
    if section["worse"] == "2":
        only = ": only these beat pixels" if section["better"] == "2" else ""
        yield (
            f"By their {NEIGHBOURS} nearest neighbours raw pixels name {section['raw']} % of "
            f"{section['n']} test images, untrained networks fewer "
            f"({section['standard_untrained']} and {section['mobilenet_untrained']} %), trained "
            f"ones {section['standard_trained']} and {section['mobilenet_trained']} % (one "
            f"seed){only}."
        )


if __name__ == "__main__":
    sys.exit(start("embeddings"))
