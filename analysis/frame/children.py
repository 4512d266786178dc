"""Processes that end with the one that started them, however that one ends.

python -m analysis.frame.children PARENT SCRIPT ARGUMENTS... runs a script like that.
"""

import os
import runpy
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[2]


def end_with(parent: int) -> None:
    """End this process soon after `parent`, which started it: an orphan has another parent."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def free_port() -> int:
    """A TCP port of this machine that nothing listens on at that moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextmanager
def serving(
    script: str, *arguments: str, log: IO[bytes] | None = None
) -> Iterator[tuple[str, subprocess.Popen]]:
    """A server on a free port of this machine, told it as --port: its address and its process.

    `log` gets what it prints; without it, only its errors are shown.
    """
    port = free_port()
    command = [sys.executable, "-m", "analysis.frame.children", str(os.getpid()), script]
    command += [*arguments, "--port", str(port)]
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "NO_PROXY": HOST}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=log or subprocess.DEVNULL, stderr=log
    )
    try:
        yield f"http://{HOST}:{port}", process
    finally:
        process.terminate()
        process.wait(timeout=30)


if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
