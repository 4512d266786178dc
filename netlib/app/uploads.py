"""Uploaded files: in a folder of this process alone, and gone within two minutes of their last use.

Gradio's own cleaning knows neither what a visitor left behind who went away in the middle of an
upload, nor the empty folders, and its lists of files grow for ever.
"""

import asyncio
import atexit
import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.concurrency import run_in_threadpool

from netlib.errors import UserError
from netlib.files import is_alive

# A file is removed between 80 and 95 seconds after its last use. Browsers let a page that has been
# in the background for some minutes use its files once a minute.
SECONDS, EVERY = 80, 15
PREFIX = "digits-"


def own_folder() -> None:
    """Have Gradio keep uploads in a folder of this process, unless the operator named one."""
    if "GRADIO_TEMP_DIR" not in os.environ:
        for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}[0-9]*-*"):
            if not is_alive(int(left.name.split("-")[1])):
                shutil.rmtree(left, ignore_errors=True)  # its process was killed
        folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["GRADIO_TEMP_DIR"] = folder


async def clean_up(blocks: gr.Blocks) -> None:
    """Remove what is old, for as long as the server runs."""
    while True:
        await asyncio.sleep(EVERY)
        await run_in_threadpool(remove_old, blocks, SECONDS)


def remove_old(blocks: gr.Blocks, seconds: float) -> None:
    """Remove files and empty folders that nobody has used for so many seconds."""
    latest = time.time() - seconds
    for folder, _, files in os.walk(get_upload_folder(), topdown=False):
        for path in [*(os.path.join(folder, file) for file in files), folder]:
            with contextlib.suppress(OSError):  # a folder that is not empty, a file just removed
                if os.stat(path).st_mtime <= latest:
                    (os.rmdir if path == folder else os.remove)(path)
    for known in blocks.temp_file_sets:
        known -= {path for path in list(known) if not os.path.exists(path)}


def paths(uploaded: Any) -> list[Path]:
    """Where the files of a `gr.File` lie that hands them over as they come; they count as used.

    With `preprocess`, Gradio would leave another, empty file behind for each.

    Raises:
        UserError: one is not there any more.
    """
    files = uploaded if isinstance(uploaded, list) else [uploaded]
    found = [Path(file["path"]) for file in files if file]
    for path in found:
        try:
            os.utime(path)
        except OSError as error:
            raise UserError(f"{path.name} is not on the server any more: send it again.") from error
    return found
