"""Reader processes: every core reads, drawings before heavy work, and no picture ends the server.

    ReaderPool.submit -> one of two queues -> a thread for each process -> its process

The processes are forked from one that has loaded the networks and runs nothing, so that another one
costs some 10 MB and a few milliseconds. Those for heavy work run at the lowest priority: they get
what drawings leave of the cores.
"""

import gc
import io
import json
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import cv2
from PIL import Image

from netlib.answer.predictor import Predictor, default_threads
from netlib.answer.reading import MAX_PAD_PIXELS, Reader, Reading
from netlib.errors import UserError
from netlib.picture.load import FORMATS, ImageError, Picture

CPU_SECONDS = 10.0  # of one picture; then its process is ended
DRAWING_BYTES = 100_000  # a file of more, or of more pixels than the wide pad has, is heavy work
LOWEST_PRIORITY = 19
GONE = (OSError, EOFError, pickle.UnpicklingError)  # what is told of the other end by its silence
STOPPED = "The picture stopped what read it: save it anew, smaller or in another format."


log = logging.getLogger(__name__)


class BusyError(UserError):
    """There is too much to do at the moment."""


class Turnstile:
    """Lets so many in at once.

    Args:
        total: of all visitors.
        each: of one visitor.
    """

    def __init__(self, total: int, each: int) -> None:
        self._total, self._each = total, each
        self._inside: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def admit(self, visitor: str) -> Iterator[None]:
        """Let a visitor in, for as long as the context lasts.

        Raises:
            BusyError: it is full.
        """
        with self._lock:
            if self._inside.total() >= self._total:
                raise BusyError("The server has too much to do: try again in a moment.")
            if self._inside[visitor] >= self._each:
                raise BusyError("Your last pictures are still being read: wait for their answers.")
            self._inside[visitor] += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[visitor] -= 1
                self._inside += Counter()  # forgets those who are out


class Job(NamedTuple):
    """What a process is to do.

    Attributes:
        method: of `Reader`.
        argument: of that.
        steps: whether the steps from the picture to a digit are wanted, too.
    """

    method: str
    argument: Any
    steps: bool

    def run(self, reader: Reader) -> Reading:
        """Do it."""
        reading: Reading = getattr(reader, self.method)(self.argument)
        return reading if self.steps else replace(reading, sketch=None)


class ReaderPool:
    """Processes that read; they start with the first job, or with `start`.

    Args:
        checkpoints: name -> path, as for `Predictor`.
        drawing: processes for drawings.
        heavy: processes for heavy work.
    """

    def __init__(self, checkpoints: Mapping[str, str | Path], drawing: int, heavy: int) -> None:
        self._arguments = json.dumps({name: str(path) for name, path in checkpoints.items()})
        self._counts = {False: drawing, True: heavy}
        self._queues: dict[bool, SimpleQueue] = {False: SimpleQueue(), True: SimpleQueue()}
        self._lock, self._forking = threading.Lock(), threading.Lock()
        self._started = False
        self._template: _Template | None = None
        self.processes: dict[threading.Thread, int] = {}

    def start(self) -> None:
        """Start all processes, without waiting for them."""
        with self._lock:
            if self._started:
                return
            self._started = True
        for heavy, count in self._counts.items():
            for _ in range(count):
                threading.Thread(target=self._work, args=(heavy,), daemon=True).start()

    def submit(self, job: Job, heavy: bool) -> "Future[Reading]":
        """Have a job done.

        Returns:
            What `Job.run` returns, ImageError or UserError as it raises; UserError if it ends its
            process, and RuntimeError with the traceback of anything else.
        """
        self.start()
        future: Future[Reading] = Future()
        self._queues[heavy].put((job, future))
        return future

    def close(self) -> None:
        """End all processes once they have done what waits."""
        with self._lock:
            if not self._started:
                return
            self._started = False
        for heavy, count in self._counts.items():
            for _ in range(count):
                self._queues[heavy].put(None)
        self._template = None  # its end of the connection closes, and it ends

    def _work(self, heavy: bool) -> None:
        """A thread of the pool: hands jobs to its process, and replaces that when it has died."""
        process: _Process | None = self._fork(heavy)
        while (item := self._queues[heavy].get()) is not None:
            job, future = item
            if not future.set_running_or_notify_cancel():
                continue
            answer: Reading | Exception = UserError(STOPPED)
            for _ in range(2):  # it may have died before it got the job
                try:
                    process = process or self._fork(heavy)
                    answer = process.ask(job)
                    break
                except GONE:
                    log.warning("A process that reads has ended, and is replaced")
                    process = None
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        del self.processes[threading.current_thread()]

    def _fork(self, heavy: bool) -> "_Process":
        with self._forking:
            try:
                self._template = self._template or _Template(self._arguments)
                process = self._template.fork(heavy)
            except GONE:
                self._template = _Template(self._arguments)
                process = self._template.fork(heavy)
        self.processes[threading.current_thread()] = process.number
        return process


class _Template:
    """The process that the others are forked from; it ends with this one, or with this object."""

    def __init__(self, arguments: str) -> None:
        self._control, theirs = socket.socketpair()
        code = f"import sys; sys.path = {sys.path!r}; from netlib.answer import pool; pool.main()"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, str(theirs.fileno()), arguments],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )

    def fork(self, heavy: bool) -> "_Process":
        """Another process; one of GONE if this one has ended."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._control, [b"h" if heavy else b"d"], [theirs.fileno()])
        return _Process(ours)


class _Process:
    """A reader process, seen from the server."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = connection.makefile("rwb")
        connection.close()  # the stream keeps it open
        self.number: int = pickle.load(self._stream)

    def ask(self, job: Job) -> Reading | Exception:
        """Have a job done; one of GONE if the process has ended."""
        pickle.dump(tuple(job), self._stream, pickle.HIGHEST_PROTOCOL)
        self._stream.flush()
        answer: Reading | Exception = pickle.load(self._stream)
        return answer


def main() -> None:
    """The template: load the networks, and fork a process for each connection that comes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the server's matter
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    control = socket.socket(fileno=int(sys.argv[1]))
    # One thread each: no lock can be held while this process is forked, and the cores are shared.
    cv2.setNumThreads(1)
    reader = Reader(Predictor(json.loads(sys.argv[2]), threads=1))
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
    with connection.makefile("rwb") as stream:
        answer: Any = os.getpid()
        while True:
            pickle.dump(answer, stream, pickle.HIGHEST_PROTOCOL)
            try:
                stream.flush()
                job = Job(*pickle.load(stream))
            except (EOFError, OSError):
                return
            signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)  # its signal ends the process
            answer = _answer(job, reader)
            signal.setitimer(signal.ITIMER_PROF, 0)


def _answer(job: Job, reader: Reader) -> Reading | Exception:
    try:
        return job.run(reader)
    except (ImageError, UserError) as error:
        return error
    except Exception:  # whatever it is, it may not survive its way to the server
        return RuntimeError(traceback.format_exc())


class PooledReader(Reader):
    """A `Reader` that has pictures read by a pool.

    Args:
        predictor: for what is asked of this process: digits, explanations.
        pool: reads pictures.
        patient: every picture is heavy work, and nobody looks at its steps.
    """

    def __init__(self, predictor: Predictor, pool: ReaderPool, patient: bool = False) -> None:
        super().__init__(predictor)
        self.pool = pool
        self._patient = patient

    def submit(self, picture: Picture, steps: bool = True) -> "Future[Reading]":
        """As `read`, without waiting; without `steps`, the reading's `sketch` is None."""
        job = Job("read", picture, steps and not self._patient)
        return self.pool.submit(job, self._patient or is_heavy(picture))

    def read(self, picture: Picture) -> Reading:
        return self.submit(picture).result()

    def read_pad(self, value: str | None) -> Reading:
        if not value:
            return super().read_pad(value)
        return self.pool.submit(Job("read_pad", value, True), False).result()


def is_heavy(picture: Picture) -> bool:
    """Whether a file or its content is more than a drawing."""
    if not isinstance(picture, bytes | str | Path):
        return False
    try:
        size = len(picture) if isinstance(picture, bytes) else os.stat(picture).st_size
        if size > DRAWING_BYTES:
            return True
        source = io.BytesIO(picture) if isinstance(picture, bytes) else picture
        with Image.open(source, formats=FORMATS) as image:
            return image.width * image.height > MAX_PAD_PIXELS
    except Exception:  # Pillow's readers raise about any; the reader will tell what is wrong
        return False


def default_workers() -> int:
    """Processes for drawings: one a core, none where forking is not sound."""
    return min(default_threads(), 8) if sys.platform == "linux" else 0
