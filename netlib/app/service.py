"""What the app holds while it runs: the networks and everything read from disk, loaded once."""

import inspect
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from starlette.concurrency import run_in_threadpool

from netlib.answer.explain import Explainer
from netlib.answer.pool import BusyError, Job, ReaderPool, Turnstile, is_heavy
from netlib.answer.predictor import Predictor, named
from netlib.answer.reader import Reader, fitted
from netlib.app.atlas import Atlas
from netlib.app.teach import TeachStore
from netlib.app.views.panels import NetworkFacts
from netlib.errors import UserError, many
from netlib.files import beside
from netlib.nets.complexity import measure
from netlib.nets.layers import Layers
from netlib.nets.saved import CheckpointError, SavedNetwork
from netlib.picture.load import ImageError, Picture

log = logging.getLogger(__name__)

TITLES = {"standard": "Standard", "mobilenet": "MobileNet", "mobilenet_v1": "MobileNet v1"}
JOBS = ("netlib.app.batch", "netlib.app.views.batch_view", "netlib.app.views.reply")
CHECKED = 4  # digits of a map whose embeddings are compared with the checkpoint's
DRAWINGS, LARGE_PICTURES, BATCHES = (64, 64), (16, 2), (8, 1)  # at once: of all, of one visitor
BUSY, MISTAKE, FAILED = "Too much to do", "That does not go", "Something failed"  # titles of errors
COUNTS = (2, 3)  # networks beside one another
MAX_CLASSES = 10  # as many bars are drawn
# What the page colours: a network of standard blocks blue, one with separable blocks vermillion,
# and another of the same kind in a colour of its own.
COLOURS = {False: ("standard", "third", "fourth"), True: ("mobilenet", "third", "fourth")}


@dataclass
class Service:
    """The networks, what is known of them, and where corrections go."""

    reader: Reader  # reads with every network in this process: digits, and the page's own pictures
    checkpoints: dict[str, Path]  # name -> file
    facts: dict[str, NetworkFacts]  # name -> title, size, cost and speed
    # Name -> its map of digits, of those that have one beside their checkpoint
    atlases: dict[str, Atlas]
    # Where corrections are saved, None when the operator has not switched that on
    teach: TeachStore | None
    # The processes that read what visitors send; None reads it in threads
    pool: ReaderPool | None = None
    # Lets in who sends many pictures
    batches: Turnstile = field(default_factory=lambda: Turnstile(*BATCHES))
    _drawings: Turnstile = field(default_factory=lambda: Turnstile(*DRAWINGS))
    _large: Turnstile = field(default_factory=lambda: Turnstile(*LARGE_PICTURES))

    @classmethod
    def load(
        cls, *files: str | Path, teach_folder: str | Path | None = None, workers: int = 0
    ) -> "Service":
        """Load two or three checkpoints, warm up, and measure the latency of each.

        Args:
            files: the checkpoints.
            teach_folder: where corrections are saved, if anywhere.
            workers: processes that read drawings, and half as many for heavy work; 0 reads in this
                process.

        Raises:
            FileNotFoundError: a checkpoint is missing.
            ValueError: a checkpoint cannot be used, or there are not two or three.
        """
        if len(files) not in COUNTS:
            raise ValueError(
                f"{many(len(files), 'checkpoint was', 'checkpoints were')} named; expected two or "
                "three to compare."
            )
        checkpoints = named(files)
        predictor = Predictor(checkpoints)
        for name, path in checkpoints.items():
            if (count := len(predictor.info[name].class_names)) > MAX_CLASSES:
                raise CheckpointError(
                    f"{path} tells {count} classes apart; the page shows 2 to {MAX_CLASSES}: name "
                    "a checkpoint of fewer classes."
                )
        return cls(
            Reader(predictor),
            checkpoints,
            _facts(predictor),
            _atlases(predictor, checkpoints),
            TeachStore(Path(teach_folder)) if teach_folder is not None else None,
            ReaderPool(checkpoints, workers, max(1, workers // 2), JOBS) if workers else None,
        )

    @property
    def networks(self) -> dict[str, Explainer]:
        """Name -> its opened network, for explanations."""
        return self.reader.predictor.explainers

    async def ask(self, job: Job, *arguments: Any, heavy: bool = False) -> Any:
        """What `job(reader, *arguments)` returns or raises, in a process that reads.

        The job is a function of a module; what is heavy lets drawings go first.
        """
        if self.pool is None:
            return await run_in_threadpool(job, self.reader, *arguments)
        return await self.pool.ask(job, *arguments, heavy=heavy)

    async def draw(self, job: Job, *arguments: Any, visitor: str) -> Any:
        """As `ask`, for a visitor's drawing.

        Raises:
            BusyError: there is too much to do.
        """
        with self._drawings.admit(visitor):
            return await self.ask(job, *arguments)

    async def read(self, job: Job, picture: Picture, *arguments: Any, visitor: str) -> Any:
        """As `draw`, for a file or its content, which is the job's first argument."""
        if not is_heavy(picture):
            return await self.draw(job, picture, *arguments, visitor=visitor)
        with self._large.admit(visitor):
            return await self.ask(job, picture, *arguments, heavy=True)


def _facts(predictor: Predictor) -> dict[str, NetworkFacts]:
    times = predictor.times()
    costs = {name: measure(info) for name, info in predictor.info.items()}
    titles, colours = _titles(predictor.info), _colours(predictor.info)
    return {
        name: NetworkFacts(
            title=titles[name],
            subtitle=_subtitle(info.layers),
            num_params=costs[name].num_params,
            macs=costs[name].macs,
            times=times[name],
            colour=colours[name],
            class_names=info.class_names,
            accuracy=((info.metadata.get("scores") or {}).get("test") or {}).get("accuracy"),
        )
        for name, info in predictor.info.items()
    }


def _titles(info: Mapping[str, SavedNetwork]) -> dict[str, str]:
    """Of the architecture; the checkpoint's name where that is no title, or not one network's."""
    titles = {name: TITLES.get(network.layers.name, name) for name, network in info.items()}
    counts = Counter(titles.values())
    return {name: title if counts[title] == 1 else name for name, title in titles.items()}


def _colours(info: Mapping[str, SavedNetwork]) -> dict[str, str]:
    taken: dict[str, str] = {}
    for name, network in info.items():
        separable = any(block.separable for block in network.layers.blocks)
        taken[name] = next(c for c in COLOURS[separable] if c not in taken.values())
    return taken


def _atlases(predictor: Predictor, checkpoints: dict[str, Path]) -> dict[str, Atlas]:
    """The maps beside the checkpoints: `map_NAME.npz` beside `NAME.safetensors`.

    Raises:
        ValueError: a map was made with another checkpoint.
    """
    files = {name: beside(path, "map") for name, path in checkpoints.items()}
    atlases = {name: Atlas.load(file) for name, file in files.items() if file.exists()}
    if len(atlases) < len(files):
        log.info("No map beside %s.", ", ".join(name for name in files if name not in atlases))
    for name, atlas in atlases.items():
        digits = (atlas.images[:CHECKED] / 255).astype(np.float32)
        images = fitted(digits, predictor.info[name].input_dim)
        embeddings = predictor.predict_one(name, images).embeddings
        expected = atlas.embeddings[:CHECKED]
        alike = embeddings.shape == expected.shape
        if not alike or not np.allclose(embeddings, expected, atol=0.02, rtol=0.02):
            raise ValueError(
                f"{files[name]} was made with another checkpoint than {checkpoints[name]}: make "
                "it again with python -m analysis.project, or remove it."
            )
    return atlases


def _subtitle(layers: Layers) -> str:
    """As in "2 standard + 2 separable convolutions", and what else is not as in the course."""
    separable = sum(block.separable for block in layers.blocks)
    counts = {"standard": len(layers.blocks) - separable, "separable": separable}
    parts = [f"{count} {kind}" for kind, count in counts.items() if count]
    text = f"{' + '.join(parts)} convolution{'s' if len(layers.blocks) > 1 else ''}"
    if layers.spec["width"] != 1:
        text += f", width {layers.spec['width']:g}"
    channels, height, width = layers.input_dim
    if (channels, height, width) != (1, 28, 28):
        text += f", {height}×{width}{' RGB' if channels == 3 else ''}"
    return text


def visitor(request: gr.Request | None) -> str:
    """Whose request it is: the session's, as many people may share an address, or the address's."""
    if request is None:
        return ""
    return request.session_hash or (request.client.host if request.client else "")


def friendly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Raise every error as a `gr.Error` of one sentence, which the page shows as a toast.

    For listeners in the queue only: gradio shows no toast for those outside of it.
    """

    def tell(error: Exception) -> None:
        raise gr.Error(sentence(error), title=title(error), print_exception=False) from error

    return _caught(function, tell)


def title(error: Exception) -> str:
    """What kind of error it is, in words for a toast."""
    if isinstance(error, BusyError):
        return BUSY
    return MISTAKE if isinstance(error, ImageError | UserError) else FAILED


def guarded(function: Callable[..., Any], show: Callable[[str], Any]) -> Callable[..., Any]:
    """Answer every error with what `show` makes of its one sentence: outputs like the others."""
    return _caught(function, lambda error: show(sentence(error)))


def _caught(function: Callable[..., Any], handle: Callable[[Exception], Any]) -> Callable[..., Any]:
    """The function, awaited or not, with what `handle` answers to its errors."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            return handle(error)

    @wraps(function)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        try:
            return await function(*args, **kwargs)
        except Exception as error:
            return handle(error)

    return awaited if inspect.iscoroutinefunction(function) else wrapped


def sentence(error: Exception) -> str:
    """What a visitor is told of an error.

    ImageError and UserError carry a sentence meant for visitors; others may reveal too much, so
    they are logged, and the visitor is told only that.
    """
    if isinstance(error, ImageError | UserError):
        return str(error)
    log.error("A listener failed", exc_info=error)
    return "Something went wrong on the server and was logged there: please try again."
