"""Loss and accuracy while a network learns."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from analysis.plots.style import BLACK, plain


def draw_history(
    ax: Axes, history: Sequence[Mapping[str, float]], quantity: str, colour: str = BLACK
) -> Axes:
    """Loss or accuracy over epochs, training dashed and validation solid.

    Args:
        ax: where to draw.
        history: one row an epoch, as `netlib.training.fit` returns it.
        quantity: "loss" or "accuracy".
        colour: of the network, see `COLOURS`.
    """
    epochs = [row["epoch"] for row in history]
    factor = 100 if quantity == "accuracy" else 1
    for split, style in (("train", "--"), ("validation", "-")):
        values = [factor * row[f"{split}_{quantity}"] for row in history]
        ax.plot(epochs, values, style, color=colour, label=split, marker="o", markersize=3)
    ax.set_xlabel("epoch")
    ax.set_ylabel("accuracy (%)" if quantity == "accuracy" else "loss")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False)
    plain(ax)
    return ax
