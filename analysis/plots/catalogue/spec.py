"""What a figure of the report is: where its numbers lie, who makes them, how it is drawn."""

from collections.abc import Callable
from dataclasses import dataclass

from matplotlib.figure import Figure

from analysis.plots.results import Results

# File -> the script that writes it; every other CSV is a sweep's table.
WRITERS = {
    "compare": "histories.csv confusion.csv class_scores.csv roc.csv auc.csv calibration.csv "
    "calibration_scores.csv risk_coverage.csv errors.npz examples.npz headline.json",
    "filters": "filters.npz separability.csv separability.json",
    "embeddings": "projections.npz projection_scores.csv",
    "corruptions": "corruptions.csv shifts.csv corruptions.json corruption_examples.npz",
    "data_card": "data_card.json data_card.npz",
    "costs": "layer_costs.csv paper_tables.csv latency.csv latency.json",
}
WRITER_OF = {file: script for script, files in WRITERS.items() for file in files.split()}
NO_FACTOR = ("pairs", "blocks", "mobilenet_v1")
FACTOR_OF = {"imbalance": "loss"}


@dataclass(frozen=True)
class FigureSpec:
    """One figure.

    Attributes:
        title: a line that says what it shows.
        inputs: files that it is drawn from, in the folder of results.
        draw: makes the figure, at the size that it has on the page.
        caption: what it shows, with n, seeds and the meaning of every bar and band.
    """

    title: str
    inputs: tuple[str, ...]
    draw: Callable[[Results], Figure]
    caption: Callable[[Results], str]

    def missing(self, data: Results) -> list[str]:
        """Inputs that are not there."""
        return [name for name in self.inputs if not data.has(name)]


def command(name: str, folder: str) -> str:
    """The command that writes the result file `name` into `folder`."""
    if name in WRITER_OF:
        return f"python -m analysis.{WRITER_OF[name]} --output {folder}"
    if name.startswith("benchmark/"):
        return f"python -m analysis.benchmark --only layers --output {folder}/benchmark"
    sweep = name.rsplit(".", 1)[0]
    factor = "none" if sweep in NO_FACTOR else FACTOR_OF.get(sweep, sweep)
    return f"python -m analysis.sweep --factor {factor} --output {folder}/{name}"
