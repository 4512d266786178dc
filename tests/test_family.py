"""A test run that ends, however it ends, leaves no process behind."""

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from helpers_family import MARK, marked, wait

RUN = """
import os, pathlib, subprocess, sys, time

def test_that_starts_a_process_and_never_ends():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    pathlib.Path(f"started-{os.getpid()}").write_text(os.environ["NETLIB_TEST_RUN"])
    time.sleep(600)

test_another = test_that_starts_a_process_and_never_ends
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_run_that_is_ended_leaves_no_process(tmp_path: Path, name: str) -> None:
    assert MARK in os.environ  # this run's own end is watched, too
    (tmp_path / "test_endless.py").write_text(RUN)
    (tmp_path / "conftest.py").write_text("import helpers_family\n"
                                          "helpers_family.end_with_this_run()\n")  # fmt: skip
    environment = {key: value for key, value in os.environ.items() if key != MARK}
    environment["PYTHONPATH"] = str(Path(__file__).parent)
    for key in [key for key in environment if key.startswith("PYTEST_")]:
        del environment[key]
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "xdist", "-n", "2", "-p", "no:cacheprovider", "."],
        cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        # What was started in the background ignores it, and so would all that it starts.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    try:
        wait(lambda: len(list(tmp_path.glob("started-*"))) == 2)
        mark = next(tmp_path.glob("started-*")).read_text()
        wait(lambda: len(marked(mark)) >= 4)  # two workers, and a process of each
        run.send_signal(getattr(signal, name))
        run.wait(120)
        wait(lambda: not marked(mark))
    finally:
        run.kill()
        run.wait()
