r"""Choose the score that tells digits from other pictures, set its threshold, and measure it.

python -m analysis.no_digit --dataset-path data/mnist --pen-path data/pen \
    --checkpoint checkpoints/standard.safetensors checkpoints/mobilenet.safetensors \
    --output checkpoints/no_digit.csv --count 1000 --write

The threshold refuses 1 % of the validation digits. Every kind of picture that is no digit is made
by code (netlib.measure.nondigits) and goes through the demo's own preprocessing; pages that it
finds blank count as refused. Half of the pictures train the score that is trained; the next tenth
chooses the score with the highest mean area under the ROC curve, for both networks alike; all
figures are from the rest. "head, unseen" is the trained score when it never saw a picture of the
kind that it is measured on: what to expect of a kind that nobody thought of.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from analysis.frame.command import made_by, progress, start, write_json
from analysis.frame.results import write_table
from netlib import answer, data, measure, nets
from netlib.answer.refusal import DIGIT_SCORES, digit_score

REFUSED = 0.01  # share of the validation digits
TRAIN_DIGITS = 20_000  # training digits that fit class means and head
UNSEEN = "head, unseen"
FIT, CHOOSE = 0.5, 0.6  # where the parts of the pictures end that fit and that choose


@dataclass(frozen=True, kw_only=True)
class Options:
    """Choose the score that tells digits from other pictures, and its threshold.

    Attributes:
        dataset_path: what the networks were trained on.
        validation_size: as in the training.
        pen_path: pads of pen strokes; its test split is measured, too.
        checkpoint: of each network.
        count: pictures of each kind, six in ten to fit and choose.
        seed: of the pictures.
        output: CSV with a row for each figure; what made it is told in a JSON file beside it.
        write: store score and threshold in the checkpoints.
    """

    dataset_path: Path
    validation_size: int = 5000
    pen_path: Path | None = None
    checkpoint: tuple[Path, ...]
    count: int = 2000
    seed: int = 0
    output: Path
    write: bool = False


def run(options: Options) -> Iterator[Path]:
    """Everything the command does, in order."""
    predictor = answer.Predictor({str(path): path for path in options.checkpoint})
    others = make_others(options.count, options.seed)
    pens = {
        split: data.DigitDataset(options.pen_path, split, preprocess="sketch")
        for split in (("train", "test") if options.pen_path else ())
    }
    measured = {n: Measured(predictor, n, options, others, pens) for n in predictor.names}
    means = {
        kind: float(np.mean([m.mean_auroc(kind) for m in measured.values()]))
        for kind in DIGIT_SCORES
    }
    best = max(means, key=means.__getitem__)
    print("mean AUROC to choose by: " + ", ".join(f"{k} {v:.4f}" for k, v in means.items()))
    rows = [row for m in measured.values() for row in m.rows(best)]
    for row in rows:
        if row["chosen"]:
            print(f"{row['network']:<12} {row['kind']:<22} AUROC {row['auroc']:>7} "
                  f"refused {row['refused']}")  # fmt: skip
    digests = {p.stem: nets.weights_digest(nets.load_network(p)) for p in options.checkpoint}
    yield write_table(options.output, rows)
    record = made_by(options, weights_sha256=digests)
    yield write_json(options.output.with_suffix(".json"), record)
    for path in options.checkpoint if options.write else ():
        net = nets.load_network(path)
        rule = measured[str(path)].rule(best)
        yield nets.save_network(net, path, {**net.metadata, "no_digit": rule})


def make_others(count: int, seed: int) -> dict[str, list[np.ndarray | None]]:
    """By kind, `count` pictures as the networks see them; None for one found blank."""
    import matplotlib
    from sklearn.datasets import load_sample_images

    from netlib.picture.digit import to_digit

    fonts = sorted(Path(matplotlib.get_data_path(), "fonts", "ttf").glob("DejaVu*.ttf"))
    kinds = measure.makers(fonts, load_sample_images().images)
    others: dict[str, list[np.ndarray | None]] = {}
    for number, (kind, make) in enumerate(kinds.items()):
        rng = np.random.default_rng([seed, number])
        others[kind] = [to_digit(make(rng)) for _ in progress(range(count), kind)]
    return others


def _part(values: Any, start: float, stop: float) -> Any:
    """A slice between two shares of the length."""
    return values[round(start * len(values)) : round(stop * len(values))]


class Measured:
    """One network's scores of digits and of everything else."""

    def __init__(
        self,
        predictor: "answer.Predictor",
        name: str,
        options: Options,
        others: dict[str, list[np.ndarray | None]],
        pens: "dict[str, data.DigitDataset]",
    ) -> None:
        self.name = Path(name).stem
        self.info = predictor.info[name]
        sets = data.DigitData(
            options.dataset_path,
            validation_size=options.validation_size,
            seed=int(self.info.metadata["config"]["seed"]),
        )
        expected = self.info.metadata["scores"]["validation"]["n"]
        if len(sets.validation_set) != expected:
            raise ValueError(
                f"{name} was validated on {expected} images, but --validation-size gives "
                f"{len(sets.validation_set)}: use the training's own size."
            )
        self.predictor, self.key = predictor, name
        train = sets.train_set.select(slice(0, TRAIN_DIGITS))
        embeddings = self._predict(train).embeddings
        labels = train.labels.numpy()
        self.class_means = measure.mean_embeddings(labels, embeddings, train.num_classes)
        digits = [embeddings, *([self._predict(pens["train"]).embeddings] if pens else [])]
        self.to_fit = (
            np.concatenate(digits),
            {kind: self._embeddings(_part(images, 0, FIT)) for kind, images in others.items()},
        )
        self.head = self._fit_head()
        validation = self._predict(sets.validation_set)
        self.validation = self._scores(validation)
        self.digits = {"MNIST test": self._scores(self._predict(sets.test_set))}
        if pens:
            self.digits["pen, unseen writers"] = self._scores(self._predict(pens["test"]))
        self.others = {kind: self._scores_of(images) for kind, images in others.items()}
        self.unseen = {
            kind: self._unseen(kind, validation.embeddings, _part(images, CHOOSE, 1))
            for kind, images in others.items()
        }

    def _fit_head(self, without: str = "") -> np.ndarray:
        """The trained score, fitted on all kinds but one."""
        digits, others = self.to_fit
        kept = [embeddings for kind, embeddings in others.items() if kind != without]
        return measure.fit_digit_head(digits, np.concatenate(kept))

    def _embeddings(self, images: list[np.ndarray | None]) -> np.ndarray:
        seen = np.stack([image for image in images if image is not None])
        return self.predictor.predict_one(self.key, seen).embeddings

    def _unseen(
        self, kind: str, validation: np.ndarray, images: list[np.ndarray | None]
    ) -> dict[str, np.ndarray]:
        """Scores of validation digits and of pictures of a kind that the head never saw."""
        head = self._fit_head(without=kind)
        scored = {"validation": validation, "others": self._embeddings(images)}
        found = {
            name: digit_score("head", np.zeros((len(values), 2)), values, head=head)
            for name, values in scored.items()
        }
        blank = np.full(sum(image is None for image in images), -np.inf)
        return {**found, "others": np.concatenate([found["others"], blank])}

    def _predict(self, dataset: "data.DigitDataset") -> Any:
        images = dataset.images.numpy().astype(np.float32) / 255
        return self.predictor.predict_one(self.key, images)

    def _scores(self, prediction: Any) -> dict[str, np.ndarray]:
        arguments = (prediction.logits, prediction.embeddings)
        return {
            kind: digit_score(kind, *arguments, self.info.temperature, self.class_means, self.head)
            for kind in DIGIT_SCORES
        }

    def _scores_of(self, images: list[np.ndarray | None]) -> dict[str, np.ndarray]:
        """Blank pages score lowest: they are refused before any network is asked."""
        seen = [image for image in images if image is not None]
        values = self._scores(self.predictor.predict_one(self.key, np.stack(seen)))
        places = [i for i, image in enumerate(images) if image is not None]
        result = {}
        for kind, value in values.items():
            result[kind] = np.full(len(images), -np.inf)
            result[kind][places] = value
        return result

    def mean_auroc(self, kind: str) -> float:
        """Over the kinds, on the pictures that the score is chosen by."""
        parts = [_part(s[kind], FIT, CHOOSE) for s in self.others.values()]
        return float(np.mean([measure.auroc(self.validation[kind], part)[0] for part in parts]))

    def threshold(self, kind: str) -> float:
        """What `REFUSED` of the validation digits score below."""
        return float(np.quantile(self.validation[kind], REFUSED))

    def rows(self, best: str) -> list[dict[str, Any]]:
        """One row for each score and kind of picture."""
        rows = []
        for score in DIGIT_SCORES:
            limit = self.threshold(score)
            for kind, s in self.digits.items():
                rows.append(self._row(score, best, kind, s[score], limit))
            for kind, s in self.others.items():
                part = _part(s[score], CHOOSE, 1)
                area = measure.auroc(self.validation[score], part)
                rows.append(self._row(score, best, kind, part, limit, area))
        for kind, s in self.unseen.items():
            limit = float(np.quantile(s["validation"], REFUSED))
            area = measure.auroc(s["validation"], s["others"])
            rows.append(self._row(UNSEEN, best, kind, s["others"], limit, area))
        return rows

    def _row(
        self,
        score: str,
        best: str,
        kind: str,
        values: np.ndarray,
        limit: float,
        area: tuple[float, ...] = (),
    ) -> dict[str, Any]:
        cells = [f"{value:.4f}" for value in area] or ["", "", ""]
        return {
            "network": self.name,
            "score": score,
            "chosen": int(score == best),
            "kind": kind,
            "n": len(values),
            **dict(zip(("auroc", "auroc_low", "auroc_high"), cells, strict=True)),
            "refused": f"{float((values < limit).mean()):.4f}",
        }

    def rule(self, best: str) -> dict[str, Any]:
        """What the demo needs to refuse a picture."""
        rule: dict[str, Any] = {
            "score": best,
            "threshold": self.threshold(best),
            "refused_of_validation": REFUSED,
            "figures": [
                {k: row[k] for k in ("kind", "n", "auroc", "refused")}
                for row in self.rows(best)
                if row["chosen"]
            ],
        }
        if best == "class_mean":
            rule["class_means"] = self.class_means.round(5).tolist()
        if best == "head":
            rule["head"] = self.head.round(4).tolist()
        return rule


if __name__ == "__main__":
    sys.exit(start("no_digit"))
