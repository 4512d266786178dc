"""Reader processes: every core reads, drawings before heavy work, and no picture ends the server.

    ReaderPool.ask -> a place of one of two kinds -> its process -> the answer

The processes are forked from one that has loaded the networks and runs nothing, so that another one
costs some 10 MB and a few milliseconds. Those for heavy work run at the lowest priority: they get
what drawings leave of the cores. The server's side is all in its event loop: a thread for each
process would cost it two switches a picture.
"""

import asyncio
import contextlib
import gc
import importlib
import io
import json
import logging
import os
import pickle
import signal
import socket
import struct
import subprocess
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from PIL import Image

from netlib.answer.predictor import Predictor, default_threads
from netlib.answer.reader import MAX_PAD_PIXELS, Reader
from netlib.errors import UserError
from netlib.picture.load import FORMATS, ImageError, Picture

CPU_SECONDS = 10.0  # of one job; then its process is ended
DRAWING_BYTES = 100_000  # a file of more, or of more pixels than the wide pad has, is heavy work
LOWEST_PRIORITY = 19
PNG_HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"  # of all but odd files; width and height follow
HEAD = 4  # bytes before an answer that tell its length
ANSWER = 2**20  # bytes of an answer that are taken in before anybody asks for them
GONE = (OSError, EOFError, pickle.UnpicklingError)  # what is told of the other end by its silence

Job = Callable[..., Any]  # of a reader and what is asked of it; a function of a module


log = logging.getLogger(__name__)


class BusyError(UserError):
    """There is too much to do at the moment."""


class StoppedError(UserError):
    """A picture ended the process that read it."""

    def __init__(self) -> None:
        super().__init__(
            "The picture stopped what read it: save it anew, smaller or in another format."
        )


class Turnstile:
    """Lets so many in at once: `total` of all visitors, `each` of one."""

    def __init__(self, total: int, each: int) -> None:
        self._total, self._each = total, each
        self._inside: Counter[str] = Counter()

    @contextmanager
    def admit(self, visitor: str) -> Iterator[None]:
        """Let a visitor in, for as long as the context lasts.

        Raises:
            BusyError: it is full.
        """
        if self._inside.total() >= self._total:
            raise BusyError("The server has too much to do: try again in a moment.")
        if self._inside[visitor] >= self._each:
            raise BusyError("Your last pictures are still being read: wait for their answers.")
        self._inside[visitor] += 1
        try:
            yield
        finally:
            self._inside[visitor] -= 1
            self._inside += Counter()  # forgets those who are out


class ReaderPool:
    """Processes that read; they start with the first job, or with `start`, in one event loop.

    Args:
        checkpoints: name -> path, as for `Predictor`.
        drawing: processes for drawings.
        heavy: processes for heavy work.
        modules: what holds the jobs; imported once, before the processes are forked.
    """

    def __init__(
        self,
        checkpoints: Mapping[str, str | Path],
        drawing: int,
        heavy: int,
        modules: tuple[str, ...] = (),
    ) -> None:
        paths = {name: str(path) for name, path in checkpoints.items()}
        self._arguments = json.dumps([paths, modules])
        self._counts = {False: drawing, True: heavy}
        self._places = self._empty()
        self._template: _Template | None = None
        self.processes: set[_Process] = set()

    async def start(self) -> None:
        """Start all processes."""
        counts = self._counts.items()
        await asyncio.gather(
            *(self.ask(_nothing, heavy=heavy) for heavy, count in counts for _ in range(count))
        )

    async def ask(self, job: Job, *arguments: Any, heavy: bool = False) -> Any:
        """Have `job(reader, *arguments)` done.

        Raises:
            ImageError, UserError: as the job raises them; StoppedError if it ends its process.
            RuntimeError: anything else, with its traceback.
        """
        content = pickle.dumps((job, arguments), pickle.HIGHEST_PROTOCOL)
        free, idle = self._places[heavy]
        async with free:
            process = idle.pop() if idle else None
            try:
                answer: Any = StoppedError()
                for _ in range(2):  # it may have died before it got the job
                    try:
                        process = process or await self._fork(heavy)
                        answer = await process.ask(content)
                        break
                    except GONE:
                        log.warning("A process that reads has ended, and is replaced")
                        self._end(process)
                        process = None
            finally:
                # Whoever asked may have gone while it works, and the pool may have been closed.
                if process and (process.works or self._places[heavy][1] is not idle):
                    self._end(process)
                elif process:
                    idle.append(process)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """End all processes, those at work when they have answered."""
        self._places = self._empty()
        for process in list(self.processes):
            if not process.works:
                self._end(process)
        self._template = None  # its end of the connection closes, and it ends

    def _empty(self) -> "dict[bool, tuple[asyncio.Semaphore, list[_Process]]]":
        """Room for so many processes of a kind, and those that have nothing to do, the last last.

        The semaphore lets in in order; a queue would let those who just came go first.
        """
        return {kind: (asyncio.Semaphore(count), []) for kind, count in self._counts.items()}

    async def _fork(self, heavy: bool) -> "_Process":
        template = self._template = self._template or _Template(self._arguments)
        try:
            process = await template.fork(heavy)
        except GONE:  # it has ended, and is replaced as well
            if self._template is template:
                self._template = None
            template = self._template = self._template or _Template(self._arguments)
            process = await template.fork(heavy)
        self.processes.add(process)
        return process

    def _end(self, process: "_Process | None") -> None:
        if process is not None:
            self.processes.discard(process)
            process.end()


class _Template:
    """The process that the others are forked from; it ends with this one, or with this object."""

    def __init__(self, arguments: str) -> None:
        self._control, theirs = socket.socketpair()
        code = f"import sys; sys.path = {sys.path!r}; from netlib.answer import pool; pool.main()"
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, str(theirs.fileno()), arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )

    async def fork(self, heavy: bool) -> "_Process":
        """Another process; one of GONE if this one has ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b"h" if heavy else b"d"], [theirs.fileno()])
        process = _Process(*await asyncio.open_unix_connection(sock=ours, limit=ANSWER))
        try:
            process.number = await process.answer()
        except BaseException:
            process.end()
            raise
        return process


class _Process:
    """A reader process, seen from the server: one job at a time.

    Attributes:
        number: its process's; 0 until it has told it.
        works: an answer of it is awaited, or nobody waits for it any more.
    """

    def __init__(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._stream, self._writer = stream, writer
        self.number, self.works = 0, False

    async def ask(self, job: bytes) -> Any:
        """Have a job done; one of GONE if the process has ended."""
        self._writer.write(job)
        return await self.answer()

    async def answer(self) -> Any:
        """What it says next; one of GONE if it ends instead."""
        self.works = True
        try:
            length = int.from_bytes(await self._stream.readexactly(HEAD), "big")
            content = await self._stream.readexactly(length)
        except GONE:
            self.works = False
            raise
        self.works = False
        return pickle.loads(content)

    def end(self) -> None:
        """End it, whatever it does."""
        self._writer.transport.abort()
        if self.works and self.number:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.number, signal.SIGKILL)


def main() -> None:
    """The template: load the networks, and fork a process for each connection that comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the server's matter
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    control = socket.socket(fileno=int(sys.argv[1]))
    # One thread each: no lock can be held while this process is forked, and the cores are shared.
    cv2.setNumThreads(1)
    checkpoints, modules = json.loads(sys.argv[2])
    for module in modules:
        importlib.import_module(module)
    reader = Reader(Predictor(checkpoints, threads=1))
    gc.collect()
    gc.freeze()  # pages that no collection touches stay shared
    while True:
        kind, connections, *_ = socket.recv_fds(control, 1, 1)
        if not kind:
            return
        if os.fork() == 0:
            try:
                control.close()
                _serve(socket.socket(fileno=connections[0]), reader, heavy=kind == b"h")
            finally:  # what was loaded before the fork would wait for ever to be taken down
                os._exit(0)
        os.close(connections[0])


def _serve(connection: socket.socket, reader: Reader, heavy: bool) -> None:
    """Do jobs until the server closes the connection."""
    if heavy:
        os.nice(LOWEST_PRIORITY)
    answer: Any = os.getpid()
    with connection.makefile("rb") as stream:
        while True:
            content = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
            try:
                connection.sendall(len(content).to_bytes(HEAD, "big") + content)
                job, arguments = pickle.load(stream)
            except (EOFError, OSError):
                return
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # its signal ends the process
            answer = _answer(job, reader, arguments)
            signal.setitimer(signal.ITIMER_PROF, 0)


def _answer(job: Job, reader: Reader, arguments: tuple) -> Any:
    try:
        return job(reader, *arguments)
    except (ImageError, UserError) as error:
        return error
    except Exception:  # whatever it is, it may not survive its way to the server
        return RuntimeError(traceback.format_exc())


def _nothing(_: Reader) -> None:
    """A job for a process that has nothing to do yet."""


def is_heavy(picture: Picture) -> bool:
    """Whether a file or its content is more than a drawing."""
    if not isinstance(picture, bytes | str | Path):
        return False
    try:
        size = len(picture) if isinstance(picture, bytes) else os.stat(picture).st_size
        if size > DRAWING_BYTES:
            return True
        content = picture if isinstance(picture, bytes) else Path(picture).read_bytes()
        if content[:16] == PNG_HEAD and content.count(b"IHDR") == 1:
            # Pillow's way to the same two numbers would be a fifth of the server's work.
            width, height = struct.unpack(">II", content[16:24])
        else:
            with Image.open(io.BytesIO(content), formats=FORMATS) as image:
                width, height = image.size
        return width * height > MAX_PAD_PIXELS
    except Exception:  # Pillow's readers raise about any; the reader will tell what is wrong
        return False


def default_workers() -> int:
    """Processes for drawings: one a core, none where forking is not sound."""
    return min(default_threads(), 8) if sys.platform == "linux" else 0
