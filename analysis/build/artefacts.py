"""What is made of other artefacts and committed: model card, gallery, maps, screenshots."""

from pathlib import Path

from analysis.build.plan import Step
from analysis.build.store import Build
from analysis.frame.command import SHIPPED
from analysis.screenshots import FILM, VIEWS

STATE = Path("figures/data/artefacts.json")
CHECKPOINTS = Path("checkpoints")
EXAMPLES = Path("netlib/app/assets/examples")
COUNT = 2000  # digits of a map


def artefacts() -> Build:
    """Their steps, and which of them are done."""
    maps = [one_map(path) for path in SHIPPED]
    held = [held_back(path) for path in SHIPPED]
    return Build([model_card(), gallery(), *maps, *held, pictures(), screenshots()], STATE)


def model_card() -> Step:
    """The tables of checkpoints/README.md, from every result of the evaluation."""
    files = sorted(Path("figures/data/evaluation").rglob("*.*"))
    inputs = (*(path for path in files if path.suffix in (".csv", ".json")),
              *sorted(CHECKPOINTS.glob("no_digit*.*")), *SHIPPED)  # fmt: skip
    return Step("model_card", (("model_card",),), (CHECKPOINTS / "README.md",), inputs)


def gallery() -> Step:
    """The digits that the app offers."""
    command = ("make_examples", "--dataset-path", "data/mnist", "--output", str(EXAMPLES))
    return Step("gallery", (command,), (EXAMPLES,), SHIPPED)


def one_map(weights: Path) -> Step:
    """Training digits in the plane, as one network sees them."""
    runs = Path("runs/map") / weights.stem
    output = CHECKPOINTS / f"map_{weights.stem}.npz"
    data = ("--dataset-path", "data/mnist", "--split", "train")
    return Step(
        output.stem,
        (
            ("evaluate", *data, "--checkpoint", str(weights), "--output", str(runs)),
            ("project", "--predictions", str(runs / "predictions.npz"), *data[:2],
             "--count", str(COUNT), "--output", str(output)),
        ),
        (output,),
        (weights,),
    )  # fmt: skip


def held_back(weights: Path) -> Step:
    """Validation digits as one network sees them."""
    output = CHECKPOINTS / f"held_{weights.stem}.npz"
    options = ("--dataset-path", "data/mnist", "--checkpoint", str(weights))
    return Step(output.stem, (("hold_back", *options),), (output,), (weights,))


def pictures() -> Step:
    """What people send, and how it is read."""
    code = (*sorted(Path("netlib/picture").glob("*.py")), Path("netlib/measure/photographs.py"))
    output = Path("figures/pictures.png")
    command = ("picture_sheet", "--output", str(output))
    return Step("picture_sheet", (command,), (output,), (*code, *SHIPPED))


def screenshots() -> Step:
    """The app as a visitor meets it."""
    pages = tuple(Path("figures") / name for name in (*(f"{view}.png" for view in VIEWS), FILM))
    app = sorted(p for p in Path("netlib/app").rglob("*.*") if p.suffix in (".py", ".css", ".js"))
    return Step("screenshots", (("screenshots",),), pages, (*app, *SHIPPED))
