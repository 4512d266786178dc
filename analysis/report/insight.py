"""The findings on data, on what the networks learned, and on damaged digits."""

from pathlib import Path

import numpy as np

from analysis.report.wording import (
    NETWORKS,
    TITLES,
    Section,
    percent,
    points,
    read_csv,
    read_json,
    whole,
    words,
)


def data(results: Path) -> Section:
    """The data card."""
    card = read_json(results / "data_card.json")
    train, test = card["splits"]["train"], card["splits"]["test"]
    counts = np.array(train["class_counts"])
    repeated = train["duplicates"]["images"]
    shared = card["across_splits"]["test_images_in_train"]
    errors = card["label_errors"]
    return {
        "source": (card["record"] or {}).get("source", card["dataset"]),
        "train_images": whole(train["images"]),
        "test_images": whole(test["images"]),
        "ratio": f"{train['imbalance_ratio']:g}",
        "most": whole(counts.max()),
        "least": whole(counts.min()),
        "rarest": str(counts.argmin()),
        "train_counts": [whole(count) for count in train["class_counts"]],
        "test_counts": [whole(count) for count in test["class_counts"]],
        "duplicates": (
            f"{whole(repeated)} training images repeat another one pixel for pixel, and "
            f"{whole(shared)} test images are in the training set."
        ),
        "label_errors": (
            f"{errors['known']} labels of the test set are known to be wrong "
            f"({errors['source']}): about "
            f"{100 * (1 - errors['known'] / test['images']):.2f} % is the honest ceiling."
            if errors["test_set_is_mnist"]
            else "The test set is a part of MNIST's training set, whose wrong labels are not "
            "known one by one."
        ),
    }


def separability(results: Path) -> Section:
    """How near learned standard kernels are to depthwise ones."""
    table = read_csv(results / "separability.csv").query("rank == 1")
    standard = table.query("network == 'standard' and block > 1")
    mean = standard.groupby(["measure", "weights"])["energy"].mean()
    by_block = standard.query("measure == 'depthwise' and weights == 'trained'")
    top = by_block.loc[by_block["energy"].idxmax()]
    learned, chance = mean["depthwise", "trained"], mean["depthwise", "gaussian"]
    nearer = learned > chance + 0.02
    return {
        "depthwise_trained": f"{100 * learned:.0f}",
        "depthwise_random": f"{100 * chance:.0f}",
        "spatial_trained": f"{100 * mean['spatial', 'trained']:.0f}",
        "spatial_random": f"{100 * mean['spatial', 'gaussian']:.0f}",
        "finding": (
            f"Training moves standard kernels towards the depthwise form: of each input channel's "
            f"filters, one shared 3×3 pattern carries {100 * learned:.0f} % of the energy, against "
            f"{100 * chance:.0f} % for random weights (most in block {top['block']}, "
            f"{100 * top['energy']:.0f} %)."
            if nearer
            else f"Training hardly moves standard kernels towards the depthwise form: one shared "
            f"3×3 pattern carries {100 * learned:.0f} % of an input channel's energy, random "
            f"weights {100 * chance:.0f} %."
        ),
    }


def embeddings(results: Path) -> Section:
    """Whether neighbours are of one class: pixels, untrained, trained."""
    table = read_csv(results / "projection_scores.csv").set_index(["space", "method"])
    spaces = [("raw", "pixels")] + [
        (f"{name}_{state}", f"{name}, {state}")
        for state in ("untrained", "trained")
        for name in NETWORKS
    ]
    knn = {space: table.loc[(space, "none"), "knn_accuracy"] for space, _ in spaces}
    worse = [name for name in NETWORKS if knn[f"{name}_untrained"] < knn["raw"]]
    return {
        "n": whole(table["n"].iloc[0]),
        "perplexity": f"{table['perplexity'].dropna().iloc[0]:g}",
        "neighbours": f"{table['neighbours'].dropna().iloc[0]:g}",
        "rows": [
            {
                "space": title,
                "knn": percent(knn[space]),
                **{
                    f"{method}_{key}": f"{table.loc[(space, method), column]:.3f}"
                    for method in ("tsne", "umap")
                    for key, column in (("knn", "knn_accuracy"), ("trust", "trustworthiness"))
                },
            }
            for space, title in spaces
        ],
        "finding": (
            f"Ten nearest neighbours name {percent(knn['raw'])} % of the digits from raw pixels, "
            f"{percent(knn['standard_trained'])} and {percent(knn['mobilenet_trained'])} % from "
            "the trained embeddings of the standard and the MobileNet network."
            + (
                " Untrained networks are a worse space than pixels: "
                + " and ".join(f"{percent(knn[f'{n}_untrained'])} % ({n})" for n in worse)
                + ". A likely reason: global pooling averages away where the ink lies."
                if worse
                else ""
            )
        ),
    }


def corruptions(results: Path) -> Section:
    """Accuracy on damaged digits, none of which was trained on."""
    table = read_csv(results / "corruptions.csv")
    means = table.groupby(["corruption", "network"])["accuracy"].mean().unstack()
    clean, damaged = means.loc["identity"], means.drop(index="identity")
    gap = (damaged["mobilenet"] - damaged["standard"]).sort_values()
    worst = damaged.mean(axis=1).sort_values()
    overall = damaged.mean()
    ahead = "mobilenet" if overall["mobilenet"] > overall["standard"] else "standard"
    behind = NETWORKS[1 - NETWORKS.index(ahead)]
    return {
        "n": whole(table["n"].iloc[0]),
        "kinds": str(len(damaged)),
        "clean": {name: percent(clean[name]) for name in NETWORKS},
        "mean": {name: percent(overall[name]) for name in NETWORKS},
        "worst": f"{words(worst.index[0])} ({percent(worst.iloc[0])} % on average)",
        "finding": (
            f"Averaged over {len(damaged)} corruptions, {TITLES[ahead]} keeps "
            f"{percent(overall[ahead])} % and {TITLES[behind]} {percent(overall[behind])} %. The "
            f"MobileNet network loses most against the standard one under {words(gap.index[0])} "
            f"({points(gap.iloc[0])} points) and gains most under {words(gap.index[-1])} "
            f"({points(gap.iloc[-1])})."
        ),
    }
