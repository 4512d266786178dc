"""Whatever a test run starts ends with it, also where it is killed (Linux).

Children inherit a mark in their environment. A process of its own waits for the end of the run, and
then ends whatever bears the mark, in other sessions and with other parents, too.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

MARK = "NETLIB_TEST_RUN"


def end_with_this_run() -> None:
    """Called once for each run: workers of pytest-xdist bear the mark already."""
    if sys.platform != "linux" or MARK in os.environ:
        return
    mark = uuid.uuid4().hex
    subprocess.Popen(
        [sys.executable, "-S", "-E", __file__, str(os.getpid()), mark],
        **dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL),
        start_new_session=True,
    )
    os.environ[MARK] = mark


def marked(mark: str) -> list[int]:
    """Living processes that bear the mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # it has just ended
            if f"{MARK}={mark}".encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def wait(condition: Callable[[], object]) -> None:
    """Until the condition holds; a machine that is too busy fails the test."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("It did not happen in two minutes.")


def watch(run: int, mark: str) -> None:
    while os.getppid() == run:
        time.sleep(0.2)
    for _ in range(100):  # one that is ended may have started another
        for process in (left := marked(mark)):
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        if not left:
            return
        time.sleep(0.1)


if __name__ == "__main__":
    watch(int(sys.argv[1]), sys.argv[2])
