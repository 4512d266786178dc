"""Once: stored results and their state in the names and columns of the questions.

python -m analysis.frame.migrate_names FOLDER

Numbers stay as they are. Commands get the new names of their modules, tables and arrays lose what
nothing reads, the ratio and the rotation of a long-tailed set become columns, and `steps.json`
becomes the state of `analysis.build`, after every file was compared with the digest in it.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.build.artefacts import COUNT, STATE, artefacts
from analysis.build.store import digest

MODULES = {name: f"questions.{name}" for name in ("data_card", "costs", "filters", "embeddings")}
MODULES |= {"corruptions": "questions.damage"}
COLUMNS = {  # that nothing reads
    "auc.csv": ["average_precision"],
    "class_scores.csv": ["precision", "test_images"],
    "layer_costs.csv": ["place", "out_side"],
    "latency.csv": ["q1_one", "q3_one", "q1_batch", "q3_batch"],
    "projection_scores.csv": ["dimensions"],
    "separability.csv": ["kind", "out_channels", "in_channels", "rank", "layer_energy", "matrices"],
    "shifts.csv": ["unit"],
}
ARRAYS = {
    "errors.npz": ["names"],
    "examples.npz": ["names"],
    "data_card.npz": ["train_samples", "train_mean", "made_by"],  # these are kept
    "filters.npz": [],
    "projections.npz": [],
}
GONE = ("corruption_examples.npz", "separability.json")
NO_STEPS = ("speed", "prepare mnist")


def main(folder: Path) -> None:
    """Check, rewrite, and write the new state."""
    old = json.loads((folder / "steps.json").read_text(encoding="utf-8"))
    for name, entry in old.items():
        for file, value in {**entry["inputs"], **entry["outputs"]}.items():
            if digest(folder / file) != value:
                raise ValueError(f"{folder / file} is not what {name} wrote or read.")
    for name in GONE:
        (folder / name).unlink()
    (folder / "benchmark/latency.csv").rename(folder / "benchmark/layer_times.csv")
    for path in folder.rglob("*.json"):
        if path.name != "steps.json":
            path.write_text(renamed(path.read_text(encoding="utf-8")), encoding="utf-8")
    for name, columns in COLUMNS.items():
        lose_columns(folder / name, columns)
    for name, arrays in ARRAYS.items():
        lose_arrays(folder / name, arrays)
    add_profile(folder / "imbalance.csv")
    state = {name: migrated(folder, entry) for name, entry in grouped(old).items()}
    text = json.dumps(state, indent=1, sort_keys=True) + "\n"
    (folder / "steps.json").write_text(text, encoding="utf-8")


def renamed(text: str) -> str:
    """Commands by their new modules; the seed 0 was always the default."""
    for old, new in MODULES.items():
        text = text.replace(f"python -m analysis.{old} ", f"python -m analysis.{new} ")
    return text


def lose_columns(path: Path, columns: list[str]) -> None:
    """Everything else stays, digit for digit."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if path.name == "separability.csv":
        table = table[table["rank"] == "1"]
    table.drop(columns=columns).to_csv(path, index=False)


def lose_arrays(path: Path, names: list[str]) -> None:
    """Without the arrays, or with them alone where what made it is among them."""
    with np.load(path, allow_pickle=False) as file:
        kept = {n: file[n] for n in file.files if (n in names) == ("made_by" in names)}
    kept["made_by"] = np.array(renamed(str(kept["made_by"])))
    np.savez_compressed(path, **kept)


def add_profile(path: Path) -> None:
    """Ratio and rotation, which the name of a data set told: tail-exp10-4."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    parts = table["dataset"].str.extract(r"tail-exp(?P<ratio>\d+)-(?P<rotation>\d+)")
    table.insert(table.columns.get_loc("dataset") + 1, "ratio", parts["ratio"])
    table.insert(table.columns.get_loc("dataset") + 2, "rotation", parts["rotation"])
    table.to_csv(path, index=False)


def grouped(old: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Both widths are one step now; corruptions is called damage."""
    new = {name: entry for name, entry in old.items() if name not in NO_STEPS}
    parts = [new.pop(f"width {network}") for network in ("standard", "mobilenet")]
    new["width"] = {
        **parts[0],
        "command": " && ".join(part["command"] for part in parts),
        "seconds": round(sum(part["seconds"] for part in parts), 1),
    }
    new["damage"] = new.pop("corruptions")
    return new


def migrated(folder: Path, entry: dict[str, Any]) -> dict[str, Any]:
    """One step's state: what it said, and the digests of the rewritten files."""
    names = {"benchmark/latency.csv": "benchmark/layer_times.csv"}
    outputs = [folder / names.get(n, n) for n in entry["outputs"] if n not in GONE]
    inputs = [folder / name for name in entry["inputs"]]
    command = renamed(entry["command"])
    if "analysis.questions." in command:
        command = command.replace(" --seed 0", "")
    return {
        "_values_:": {
            "command": command,
            "seconds": entry["seconds"],
            "outputs": {str(path): digest(path) for path in outputs},
        },
        "checker:": "Content",
        "deps:": [str(path) for path in inputs],
        **{str(path): digest(path) for path in inputs},
    }


def adopt_maps() -> None:
    """The maps of the app know by themselves what made them; the state takes it over."""
    state = json.loads(STATE.read_text(encoding="utf-8")) if STATE.is_file() else {}
    for step in artefacts().steps.values():
        if not step.name.startswith("map_"):
            continue
        (path,) = step.outputs
        with np.load(path, allow_pickle=False) as file:
            made_by = json.loads(str(file["made_by"]))
        if (made_by["method"], made_by["n"], made_by["seed"]) != ("umap", COUNT, 0):
            raise ValueError(f"{path} was made with other options: {made_by['command']}.")
        state[step.name] = {
            "_values_:": {"command": step.command, "outputs": {str(path): digest(path)}},
            "checker:": "Content",
            "deps:": list(map(str, step.inputs)),
            **{str(name): digest(name) for name in step.inputs},
        }
    STATE.write_text(json.dumps(state, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    adopt_maps()
