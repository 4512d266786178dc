"""What a figure of the report is: where its numbers lie, who makes them, how it is drawn."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from analysis.plots.results import Results

# Step of analysis.report -> the files that it writes; every other CSV is a sweep named like it.
STEPS = {
    "compare": "histories.csv confusion.csv class_scores.csv roc.csv auc.csv calibration.csv "
    "calibration_scores.csv risk_coverage.csv errors.npz examples.npz headline.json",
    "filters": "filters.npz separability.csv separability.json",
    "embeddings": "projections.npz projection_scores.csv",
    "corruptions": "corruptions.csv shifts.csv corruptions.json corruption_examples.npz",
    "data_card": "data_card.json data_card.npz",
    "costs": "layer_costs.csv paper_tables.csv latency.csv latency.json",
    "layers": "benchmark/latency.csv benchmark/roofline.csv benchmark/layers.json",
    "speed": "benchmark/inference.csv benchmark/training.csv benchmark/accuracy.csv "
    "benchmark/data.csv benchmark/serving.csv",
    "'width standard' 'width mobilenet'": "width.csv",
}
STEP_OF = {file: step for step, files in STEPS.items() for file in files.split()}


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


def command(files: Iterable[str], folder: Path) -> str:
    """The command that writes these result files into `folder`."""
    steps = dict.fromkeys(STEP_OF.get(file, file.rsplit(".", 1)[0]) for file in files)
    size = " --full" if folder.name == "full" else ""
    usual = Path("figures/data") / (folder.name if folder.name == "full" else "small")
    where = "" if folder == usual else f" --results {shlex.quote(str(folder))}"
    return f"python -m analysis.report{size}{where} --steps {' '.join(steps)}"
