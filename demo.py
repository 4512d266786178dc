"""The demo: draw a digit, and two or three networks answer.

    python demo.py [--host HOST] [--port PORT] [--share] [--checkpoint FILE FILE [FILE]]

Hugging Face Spaces run this file as it is.
"""

import argparse
import logging
import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr

from netlib.answer.pool import default_workers
from netlib.app.page import build_page, launch_options
from netlib.app.service import Service

CHECKPOINTS = Path(__file__).parent / "checkpoints"
STANDARD = CHECKPOINTS / "standard.safetensors"
MOBILENET = CHECKPOINTS / "mobilenet.safetensors"
MAX_PORT = 65535


def build_demo(
    *checkpoints: str | Path,
    teach_folder: str | Path | None = None,
    workers: int | None = None,
) -> gr.Blocks:
    """Load the networks and build the app around them; nothing is launched.

    Args:
        checkpoints: two or three files; none means the shipped pair.
        teach_folder: where corrections by visitors are kept; None keeps none.
        workers: processes that read drawings; None takes one a core, 0 reads in this process.

    Raises:
        FileNotFoundError: a checkpoint is missing.
        CheckpointError: a checkpoint cannot be used.
    """
    files = checkpoints or (STANDARD, MOBILENET)
    workers = default_workers() if workers is None else workers
    return build_page(Service.load(*files, teach_folder=teach_folder, workers=workers))


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; see --help."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default=None, help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=None, help="port (default: first free at 7860)")
    parser.add_argument("--share", action="store_true", help="also make a public gradio.live link")
    parser.add_argument(
        "--checkpoint",
        type=Path,
        nargs="+",
        default=(),
        metavar="FILE",
        help="two or three networks to compare (default: the shipped pair)",
    )
    parser.add_argument(
        "--teach-folder", type=Path, default=None, help="save visitors' corrections in this folder"
    )
    parser.add_argument(
        "--workers", type=int, default=None, help="processes that read (default: one a core)"
    )
    parser.add_argument(
        "--mcp",
        action="store_true",
        help="serve predict and predict_batch as MCP tools at /gradio_api/mcp/",
    )
    return parser.parse_args(arguments)


def _bypass_proxy() -> None:
    """Let gradio, which asks its own server at the start whether it is there, ask it directly."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [os.environ.get(name), "127.0.0.1", "localhost"]
        os.environ[name] = ",".join(filter(None, hosts))


def check_address(host: str | None, port: int | None) -> None:
    """Raise a ValueError where nothing can be served there."""
    if port is not None and not 1 <= port <= MAX_PORT:
        raise ValueError(f"--port is {port}; expected 1 to {MAX_PORT}.")
    if host is None and port is None:  # the first that is free
        return
    with socket.socket(socket.AF_INET6 if host and ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host or "127.0.0.1", port or 0))
        except OSError as error:
            place = f"--host {host}" if port is None else f"--port {port}"
            raise ValueError(
                f"{place} cannot be listened on ({error.strerror}): name another, or leave it out."
            ) from error


def main(arguments: list[str] | None = None) -> int:
    """Build the app and serve it until interrupted."""
    args = parse_arguments(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        if args.mcp and find_spec("mcp") is None:
            raise ValueError(
                '--mcp needs the package mcp: pip install -c constraints.txt -e ".[mcp]"'
            )
        check_address(args.host, args.port)
        _bypass_proxy()
        demo = build_demo(*args.checkpoint, teach_folder=args.teach_folder, workers=args.workers)
        demo.launch(
            server_name=args.host,
            server_port=args.port,
            share=args.share,
            mcp_server=args.mcp or None,
            **launch_options(),
        )
    except (ValueError, OSError) as error:  # OSError: a missing file
        print(f"demo: {error}", file=sys.stderr)
        return 2
    return 0


def __getattr__(name: str) -> Any:
    """`from demo import demo` builds the app, as Spaces expect; a bare import loads nothing."""
    if name == "demo":
        return build_demo()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    sys.exit(main())
