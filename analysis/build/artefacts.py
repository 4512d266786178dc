"""What is made of other artefacts and committed: model card, gallery, maps, screenshots."""

from pathlib import Path

from analysis.build.plan import Step
from analysis.build.store import Build
from analysis.frame.command import SHIPPED
from analysis.screenshots import FILM, VIEWS
from netlib.files import beside

STATE = Path("figures/data/artefacts.json")
CHECKPOINTS = Path("checkpoints")
EXAMPLES = Path("netlib/app/assets/examples")
DATA = ("--dataset-path", "data/mnist")
COUNT = 2000  # digits of a map


def artefacts() -> Build:
    """Their steps, and which of them are done."""
    found = sorted(Path("figures/data/evaluation").rglob("*.*"))
    scores = (*(path for path in found if path.suffix in (".csv", ".json")),
              *sorted(CHECKPOINTS.glob("no_digit*.*")))  # fmt: skip
    gallery = ("make_examples", *DATA, "--output", str(EXAMPLES))
    sheet = Path("figures/pictures.png")
    draw_sheet = ("picture_sheet", "--output", str(sheet))
    code = (*sorted(Path("netlib/picture").glob("*.py")), Path("netlib/measure/photographs.py"))
    pages = tuple(Path("figures") / name for name in (*(f"{view}.png" for view in VIEWS), FILM))
    app = sorted(p for p in Path("netlib/app").rglob("*.*") if p.suffix in (".py", ".css", ".js"))
    steps = [
        Step("model_card", (("model_card",),), (CHECKPOINTS / "README.md",), (*scores, *SHIPPED)),
        Step("gallery", (gallery,), (EXAMPLES,), SHIPPED),
        *map(one_map, SHIPPED),
        *map(held_back, SHIPPED),
        Step("picture_sheet", (draw_sheet,), (sheet,), (*code, *SHIPPED)),
        Step("screenshots", (("screenshots",),), pages, (*app, *SHIPPED)),
    ]
    return Build(steps, STATE)


def one_map(weights: Path) -> Step:
    """Training digits in the plane, as one network sees them."""
    runs = Path("runs/map") / weights.stem
    output = beside(weights, "map")
    commands = (
        ("evaluate", *DATA, "--split", "train",
         "--checkpoint", str(weights), "--output", str(runs)),
        ("project", "--predictions", str(runs / "predictions.npz"), *DATA,
         "--count", str(COUNT), "--output", str(output)),
    )  # fmt: skip
    return Step(output.stem, commands, (output,), (weights,))


def held_back(weights: Path) -> Step:
    """Validation digits as one network sees them."""
    output = beside(weights, "held")
    command = ("hold_back", *DATA, "--checkpoint", str(weights))
    return Step(output.stem, (command,), (output,), (weights,))
