"""What the app holds while it runs: both networks and everything read from disk, loaded once."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from pathlib import Path
from typing import Any

import gradio as gr

from netlib.blocks import ConvDw
from netlib.checkpoint import load_network
from netlib.images import ImageError
from netlib.network import Network, architecture_name, build_network
from netlib.predictor import Predictor
from webapp.errors import UserError
from webapp.panels import NetworkFacts
from webapp.reading import Reader
from webapp.teach import TeachStore

log = logging.getLogger(__name__)

TITLES = {"standard": "Standard", "mobilenet": "MobileNet", "mobilenet_v1": "MobileNet v1"}
LATENCY_REPEATS = 50


@dataclass
class Service:
    """Both networks, what is known of them, and where corrections go.

    Attributes:
        reader: reads pictures with both networks.
        checkpoints: name -> file.
        facts: name -> title, size, cost and speed.
        teach: where corrections are saved, None when the operator has not switched that on.
    """

    reader: Reader
    checkpoints: dict[str, Path]
    facts: dict[str, NetworkFacts]
    teach: TeachStore | None = None

    @classmethod
    def load(
        cls, standard: str | Path, mobilenet: str | Path, teach_folder: str | Path | None = None
    ) -> "Service":
        """Load both checkpoints, warm up, and measure the latency of each.

        Raises:
            FileNotFoundError: a checkpoint is missing.
            CheckpointError: a checkpoint cannot be used.
        """
        checkpoints = {"standard": Path(standard), "mobilenet": Path(mobilenet)}
        predictor = Predictor(checkpoints)
        facts = _distinct({n: _facts(predictor, n) for n in predictor.names}, checkpoints)
        teach = TeachStore(Path(teach_folder)) if teach_folder is not None else None
        return cls(Reader(predictor), checkpoints, facts, teach)

    @cached_property
    def networks(self) -> dict[str, Network]:
        """The networks as torch modules: for explanations only, so loaded at the first one."""
        return {name: load_network(path)[0] for name, path in self.checkpoints.items()}


def _facts(predictor: Predictor, name: str) -> NetworkFacts:
    info = predictor.info[name]
    net = build_network(info.metadata["spec"])
    architecture = architecture_name(net)
    return NetworkFacts(
        title=TITLES.get(architecture, architecture),
        subtitle=_blocks(net),
        num_params=info.num_params,
        macs=info.macs,
        latency=predictor.latency(name, repeats=LATENCY_REPEATS),
    )


def _blocks(net: Network) -> str:
    """As in "2 standard + 2 separable convolutions"."""
    separable = sum(isinstance(block, ConvDw) for block in net.blocks)
    counts = {"standard": len(net.blocks) - separable, "separable": separable}
    parts = [f"{count} {kind}" for kind, count in counts.items() if count]
    return f"{' + '.join(parts)} convolutions"


def _distinct(facts: dict[str, NetworkFacts], files: dict[str, Path]) -> dict[str, NetworkFacts]:
    """Two checkpoints of one architecture are told apart by their files' names."""
    if len({fact.title for fact in facts.values()}) == len(facts):
        return facts
    return {name: replace(fact, title=files[name].stem) for name, fact in facts.items()}


def friendly(function: Callable[..., Any]) -> Callable[..., Any]:
    """Show a user's error as one sentence; log anything else and say only that it happened.

    ImageError and UserError carry a sentence meant for the visitor; others may reveal too much.
    """

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except gr.Error:
            raise
        except (ImageError, UserError) as error:
            raise gr.Error(str(error), print_exception=False) from error
        except Exception as error:
            log.exception("%s failed", function.__name__)
            raise gr.Error(
                "Something went wrong on the server and was logged there: please try again.",
                print_exception=False,
            ) from error

    return wrapped
