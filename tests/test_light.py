"""What answering needs is all that the demo needs: no PyTorch, no scikit-learn, no matplotlib."""

import subprocess
import sys
from pathlib import Path

from import_graph import ROOT

LISTENERS = """read_pad read_picture explain locate stress <lambda> read_number read_files
correct undo follow predict predict_batch read""".split()


def test_every_listener_answers_where_only_the_light_set_is_installed() -> None:
    program = [sys.executable, str(Path(__file__).with_name("helpers_light.py"))]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert set(LISTENERS) <= set(done.stdout.split())
