"""What the app holds while it runs: both networks and everything read from disk, loaded once."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from netlib.answer.explain import Explainer
from netlib.answer.predictor import Predictor
from netlib.answer.reading import Reader
from netlib.app.atlas import Atlas
from netlib.app.teach import TeachStore
from netlib.app.views.panels import NetworkFacts
from netlib.errors import UserError
from netlib.nets.layers import Layers
from netlib.picture.load import ImageError

log = logging.getLogger(__name__)

TITLES = {"standard": "Standard", "mobilenet": "MobileNet", "mobilenet_v1": "MobileNet v1"}
CHECKED = 4  # digits of a map whose embeddings are compared with the checkpoint's
INPUT_DIM = (1, 28, 28)


@dataclass
class Service:
    """Both networks, what is known of them, and where corrections go.

    Attributes:
        reader: reads pictures with both networks.
        checkpoints: name -> file.
        facts: name -> title, size, cost and speed.
        atlases: name -> its map of digits; empty where the checkpoints come without maps.
        teach: where corrections are saved, None when the operator has not switched that on.
    """

    reader: Reader
    checkpoints: dict[str, Path]
    facts: dict[str, NetworkFacts]
    atlases: dict[str, Atlas]
    teach: TeachStore | None = None

    @classmethod
    def load(
        cls, standard: str | Path, mobilenet: str | Path, teach_folder: str | Path | None = None
    ) -> "Service":
        """Load both checkpoints, warm up, and measure the latency of each.

        Raises:
            FileNotFoundError: a checkpoint is missing.
            ValueError: a checkpoint cannot be used.
        """
        checkpoints = {"standard": Path(standard), "mobilenet": Path(mobilenet)}
        predictor = Predictor(checkpoints, input_dim=INPUT_DIM)
        times = predictor.times()
        facts = {name: _facts(predictor, name, times[name]) for name in predictor.names}
        facts = _distinct(facts, checkpoints)
        teach = TeachStore(Path(teach_folder)) if teach_folder is not None else None
        return cls(Reader(predictor), checkpoints, facts, _atlases(predictor, checkpoints), teach)

    @property
    def networks(self) -> dict[str, Explainer]:
        """Name -> its opened network, for explanations."""
        return self.reader.predictor.explainers


def _facts(predictor: Predictor, name: str, times: tuple[float, ...]) -> NetworkFacts:
    info = predictor.info[name]
    return NetworkFacts(
        title=TITLES.get(info.architecture, info.architecture),
        subtitle=_blocks(info.layers),
        num_params=info.num_params,
        macs=info.macs,
        times=times,
    )


def _atlases(predictor: Predictor, checkpoints: dict[str, Path]) -> dict[str, Atlas]:
    """The maps beside the checkpoints: `map_NAME.npz` beside `NAME.safetensors`, or none.

    Raises:
        ValueError: a map was made with another checkpoint.
    """
    files = {name: path.with_name(f"map_{path.stem}.npz") for name, path in checkpoints.items()}
    if not all(file.exists() for file in files.values()):
        log.info("No maps beside the checkpoints: the page has no map.")
        return {}
    atlases = {name: Atlas.load(file) for name, file in files.items()}
    for name, atlas in atlases.items():
        images = atlas.images[:CHECKED, None].astype(np.float32) / 255
        embeddings = predictor.predict_one(name, images).embeddings
        if not np.allclose(embeddings, atlas.embeddings[:CHECKED], atol=0.02, rtol=0.02):
            raise ValueError(
                f"{files[name]} was made with another checkpoint than {checkpoints[name]}: make "
                "it again with python -m analysis.project, or remove it."
            )
    return atlases


def _blocks(layers: Layers) -> str:
    """As in "2 standard + 2 separable convolutions"."""
    separable = sum(block.separable for block in layers.blocks)
    counts = {"standard": len(layers.blocks) - separable, "separable": separable}
    parts = [f"{count} {kind}" for kind, count in counts.items() if count]
    return f"{' + '.join(parts)} convolutions"


def _distinct(facts: dict[str, NetworkFacts], files: dict[str, Path]) -> dict[str, NetworkFacts]:
    """Two checkpoints of one architecture are told apart by their files' names."""
    if len({fact.title for fact in facts.values()}) == len(facts):
        return facts
    return {name: replace(fact, title=files[name].stem) for name, fact in facts.items()}


def friendly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Raise every error as a `gr.Error` of one sentence, which the page shows as a toast.

    For listeners in the queue only: gradio shows no toast for those outside of it.
    """

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from error

    return wrapped


def guarded(function: Callable[..., Any], show: Callable[[str], Any]) -> Callable[..., Any]:
    """Answer every error with what `show` makes of its one sentence: outputs like the others."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return show(sentence(error))

    return wrapped


def sentence(error: Exception) -> str:
    """What a visitor is told of an error.

    ImageError and UserError carry a sentence meant for visitors; others may reveal too much, so
    they are logged, and the visitor is told only that.
    """
    if isinstance(error, ImageError | UserError):
        return str(error)
    log.error("A listener failed", exc_info=error)
    return "Something went wrong on the server and was logged there: please try again."
