"""What answering needs is all that the demo needs: no PyTorch, no scikit-learn, no matplotlib."""

from import_graph import python

LISTENERS = """read_pad read_picture explain locate stress <lambda> read_number read_files
correct undo follow predict predict_batch read""".split()


def test_every_listener_answers_where_only_the_light_set_is_installed() -> None:
    done = python("tests/helpers_light.py")
    assert done.returncode == 0, done.stderr
    assert set(LISTENERS) <= set(done.stdout.split())
