"""Processes that end with the one that started them, however that one ends.

python -m analysis.frame.children PARENT SCRIPT ARGUMENTS... runs a script like that.
"""

import os
import runpy
import sys
import threading
import time


def end_with(parent: int) -> None:
    """End this process soon after `parent`, which started it: an orphan has another parent."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    sys.argv = sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")
