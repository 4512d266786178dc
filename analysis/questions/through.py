r"""One image through a separable block, and where the last block looks.

python -m analysis.questions.through --checkpoint checkpoints/standard.safetensors \\
    checkpoints/mobilenet.safetensors --examples figures/data/full/examples.npz \\
    --output figures/data/full
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from analysis.build.plan import Plan, Step
from analysis.frame.command import SHIPPED, made_by, start
from analysis.frame.results import Results, write_arrays
from analysis.frame.wording import whole
from analysis.look.digits import draw_map
from analysis.look.style import COLOURS, FULL, NETWORKS, WRONG, blank, name_of
from analysis.questions import Drawn, Sections, figure
from analysis.questions.mistakes import EXAMPLES
from netlib import answer

CHANNELS = 4  # of the block that are shown
BLOCK = 2  # the first separable one, from 0


@dataclass(frozen=True, kw_only=True)
class Options:
    """Follow one digit through a separable block, and look where the last block looks.

    Attributes:
        checkpoint: a standard network and a MobileNet network.
        examples: examples.npz, whose digits are taken.
        output: folder for through.npz.
    """

    checkpoint: tuple[Path, Path]
    examples: Path
    output: Path


def steps(plan: Plan) -> Iterator[Step]:
    """The shipped pair on full MNIST; elsewhere the runs of seed 0."""
    kept = [plan.runs / "pairs" / f"{name}-0" / "network.safetensors" for name in NETWORKS]
    paths = plan.pick(kept, kept, SHIPPED)
    words = ("--checkpoint", *paths, "--examples", plan.results / "examples.npz")
    step = plan.step("through", *words, outputs="through.npz", inputs="examples.npz")
    yield replace(step, inputs=(*step.inputs, *plan.pick((), (), SHIPPED)))


def run(options: Options) -> list[Path]:
    """Load, answer, write."""
    predictor = answer.Predictor(dict(zip(NETWORKS, options.checkpoint, strict=True)))
    with np.load(options.examples) as file:
        images, labels, which = (file[name] for name in ("images", "labels", "which"))
    rows = np.flatnonzero(np.isin(which, ("standard right", "mobilenet wrong")))
    arrays = {
        **passage(predictor.explainers["mobilenet"], images[rows[0]]),
        "images": images[rows],
        "labels": labels[rows],
    }
    pixels = images[rows][:, None].astype(np.float32) / 255
    for name, explainer in predictor.explainers.items():
        arrays[name] = predictor.predict_one(name, pixels).predictions
        answers = zip(pixels, arrays[name].tolist(), strict=True)
        arrays[f"{name}_cam"] = np.stack([explainer.grad_cam(*pair) for pair in answers])
    return [write_arrays(options.output / "through.npz", arrays, made_by(options))]


def passage(explainer: Any, image: np.ndarray) -> dict[str, np.ndarray]:
    """What the block is given and answers: some channels, and the output that they feed most."""
    pixels = image[None].astype(np.float32) / 255
    maps = explainer.feature_maps(pixels)
    before, after = maps[BLOCK - 1], maps[BLOCK]
    depthwise, pointwise = (layer.weight for layer in explainer.folded[BLOCK])
    middle = explainer.responses(pixels)[BLOCK][0]
    out = int(after.mean((1, 2)).argmax())
    share = pointwise[out, :, 0, 0] * middle.mean((1, 2))
    chosen = np.argsort(-np.abs(share), kind="stable")[:CHANNELS]
    return {
        "digit": image,
        "channels": chosen.astype(np.int32),
        "before": before[chosen],
        "filters": depthwise.reshape(-1, 3, 3)[chosen],
        "middle": middle[chosen],
        "weights": pointwise[out, chosen, 0, 0],
        "out": np.array(out, np.int32),
        "after": after[out],
    }


@figure("One image through a separable block", "through.npz", "layer_costs.csv")
def digit_passage(data: Results) -> Drawn:
    """Input map, filter, answer, weight, a line a channel; then their sum."""
    arrays = data.arrays("through.npz")
    shown = len(arrays["channels"])
    figure = blank(FULL, 1.35 * shown + 1.0)
    grid = figure.add_gridspec(shown, 7, width_ratios=(2.4, 1, 1, 1, 1, 0.4, 2.4))
    whole_axes = {0: arrays["digit"], 6: arrays["after"]}
    for place, image in whole_axes.items():
        ax = draw_map(figure.add_subplot(grid[:, place]), image)
        ax.set_title("the image" if place == 0 else f"output channel {int(arrays['out'])}")
    titles = ("channel", "depthwise", "answer", "pointwise")
    for row, channel in enumerate(arrays["channels"]):
        cells = [figure.add_subplot(grid[row, 1 + column]) for column in range(4)]
        draw_map(cells[0], arrays["before"][row])
        draw_map(cells[1], arrays["filters"][row], signed=True)
        draw_map(cells[2], arrays["middle"][row])
        cells[3].axis("off")
        weight = float(arrays["weights"][row])
        cells[3].text(0.5, 0.5, f"× {weight:+.2f}".replace("-", "−"), ha="center", va="center",
                      color=COLOURS["standard" if weight > 0 else "mobilenet"])  # fmt: skip
        cells[0].set_ylabel(str(channel), rotation=0, ha="right", va="center")
        for cell, title in zip(cells, titles, strict=True):
            if row == 0:
                cell.set_title(title, loc="center")
    total = block_channels(data)
    return figure, (
        f"A test image in block {BLOCK + 1} of MobileNet ({whose(arrays)}). Each of {total} "
        f"channels (shown: the {shown} with the largest share of the sum) is filtered by its own "
        "3×3 weights (blue positive, vermillion negative), plus a bias; the answers, after ReLU, "
        "times one weight each are summed to an output channel, with a bias and a ReLU. Each map "
        "and filter has a scale of its own."
    )


def whose(arrays: dict[str, np.ndarray]) -> str:
    """Which networks answered."""
    command = json.loads(str(arrays["made_by"]))["command"]
    return "the shipped pair" if "checkpoints/" in command else "the pair of seed 0"


def block_channels(data: Results) -> int:
    """Channels that the block is given."""
    table = data.table("layer_costs.csv").query("network == 'mobilenet' and kind == 'depthwise'")
    return int(table["out_channels"].iloc[0])


@figure("Where the last block looks", "through.npz")
def grad_cam(data: Results) -> Drawn:
    """Grad-CAM of both networks for what they read, a line a network."""
    arrays = data.arrays("through.npz")
    n = len(arrays["images"])
    right = min(n, EXAMPLES)
    figure = blank(FULL, 4.6)
    axes = figure.subplots(2, n, squeeze=False)
    for line, network in zip(axes, NETWORKS, strict=True):
        line[0].set_ylabel(name_of(network), color=COLOURS[network])
        for place, ax in enumerate(line):
            read, label = int(arrays[network][place]), int(arrays["labels"][place])
            draw_map(ax, arrays["images"][place], heat=arrays[f"{network}_cam"][place])
            ax.set_title(str(read), color="black" if read == label else WRONG, loc="center", pad=2)
    return figure, (
        f"Grad-CAM of the last block under the ink's outline, for the class that each network "
        f"reads (above the image; magenta: wrong), {whose(arrays)}, on {n} test images: "
        f"{right} that standard’s run of the shown pair reads right, then {n - right} that "
        "MobileNet’s reads wrong. Darker is stronger evidence for the class, each image by its own "
        "maximum."
    )


def say(data: Results) -> Sections:
    """The counts of the block that the digit passes."""
    table = data.table("layer_costs.csv")
    costs = table[table["block"] == BLOCK + 1].set_index(["network", "kind"])
    cost = costs["macs"]
    depthwise, pointwise = cost["mobilenet", "depthwise"], cost["mobilenet", "pointwise"]
    channels = costs.loc[("mobilenet", "depthwise"), "out_channels"]
    places = depthwise // (9 * channels)
    outputs = costs.loc[("mobilenet", "pointwise"), "out_channels"]
    arrays = data.arrays("through.npz")
    return {
        "through": {
            "block": str(BLOCK + 1),
            "channels": str(channels),
            "outputs": str(outputs),
            "places": str(places),
            "side": str(round(float(np.sqrt(places)))),
            "depthwise": whole(depthwise),
            "pointwise": whole(pointwise),
            "both": whole(depthwise + pointwise),
            "standard": whole(cost["standard", "conv"]),
            "ratio": f"{cost['standard', 'conv'] / (depthwise + pointwise):.2f}",
            "pair": whose(arrays),
            "same": str(int((arrays["standard"] == arrays["mobilenet"]).sum())),
            "images": str(len(arrays["labels"])),
        }
    }


if __name__ == "__main__":
    sys.exit(start("through"))
