"""Serving: the demo's `predict` over HTTP against a function that does nothing, and its start."""

import io
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from analysis.benchmark import http_load
from analysis.benchmark.arms import Arm, interleave, seconds_of
from analysis.benchmark.record import Row, quartiles, ratios, row
from analysis.benchmark.settings import Settings
from netlib.answer.predictor import Predictor
from netlib.picture.number import find_digits

AREA = "serving"
ROOT = Path(__file__).parents[2]
CLIENTS = (1, 8, 32)
SHARE, START, GROWTH = 0.8, 1.5, 1.02
DEMO, NOTHING = "demo", "do nothing"
PATIENCE = 120  # seconds until a server must answer
MEMORY_CALLS = 10_000
READING, NETWORKS_ALONE = "reading a picture", "both networks alone"


@dataclass(frozen=True)
class Server:
    """A server that has answered.

    Attributes:
        port: where it listens, on this machine.
        process: its number.
        path: of the uploaded picture.
        seconds: from the command to the first answer.
    """

    port: int
    process: int
    path: str
    seconds: float


def run(settings: Settings) -> list[Row]:
    """Calls a second, latency, memory over many calls, and start-up."""
    picture = drawing(settings)
    rows, reading = reading_alone(settings, picture)
    with _server(DEMO, settings, picture) as demo, _server(NOTHING, settings, picture) as nothing:
        servers = {DEMO: demo, NOTHING: nothing}
        rows += throughput(servers, settings, reading)
        rows += memory(demo, settings.choose(200, MEMORY_CALLS))
    return rows + start_up(settings, picture, servers)


def drawing(settings: Settings) -> bytes:
    """A test digit as a pad would send it: 280x280, dark on white, PNG."""
    digit = Image.fromarray(settings.digits("test")[0][0])
    large = ImageOps.invert(digit).resize((280, 280), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    large.save(buffer, "PNG")
    return buffer.getvalue()


def reading_alone(settings: Settings, picture: bytes) -> tuple[list[Row], float]:
    """What a call has to do beside Gradio's own work, and the median seconds of that."""
    arm = Arm(make_reader, (dict(settings.checkpoints), picture, settings.choose(0.2, 1.0)),
              threads=settings.threads)  # fmt: skip
    cases = [READING, NETWORKS_ALONE]
    found = interleave({DEMO: arm}, cases, settings.choose(2, 5))
    times = {case: found[DEMO, case] for case in cases}
    rows = [row(AREA, f"{case}, no server", DEMO, [1e3 * s for s in times[case]], "ms")
            for case in cases]  # fmt: skip
    return rows, statistics.median(times[READING])


def make_reader(
    checkpoints: Mapping[str, Path], picture: bytes, seconds: float
) -> Callable[[str], float]:
    """The demo's way from a picture to both answers."""
    predictor = Predictor(checkpoints)

    def confidence(images: np.ndarray) -> np.ndarray:
        answers = predictor.predict(images).values()
        return np.mean([answer.probabilities.max(axis=1) for answer in answers], axis=0)

    digits = np.stack([found.digit for found in find_digits(picture, confidence)])

    def read() -> None:
        predictor.predict(np.stack([f.digit for f in find_digits(picture, confidence)]))

    work = {READING: read, NETWORKS_ALONE: lambda: predictor.predict(digits)}
    return lambda case: seconds_of(work[case], seconds)


def throughput(servers: dict[str, Server], settings: Settings, reading: float) -> list[Row]:
    """Calls a second of both servers, in turn, at 1, 8 and 32 clients.

    In theory, the core that does Gradio's work for a call then reads the picture for `reading`
    seconds: Python runs one thread at a time.
    """
    rounds, seconds = settings.choose((2, 0.7), (5, 3.0))
    rows = []
    for clients in CLIENTS:
        speeds: dict[str, list[float]] = {name: [] for name in servers}
        latencies: dict[str, list[float]] = {name: [] for name in servers}
        for number in range(rounds):
            for name in list(servers)[:: 1 if number % 2 else -1]:
                server = servers[name]
                at = server.port, server.path, clients
                http_load.load(*at, seconds=seconds / 5)  # warm-up
                load = http_load.load(*at, seconds=seconds)
                speeds[name].append(load.calls_per_second)
                latencies[name] += load.latencies
        what = f"{clients} client{'s' if clients > 1 else ''}"
        for name in servers:
            low, median, high = (1e3 * q for q in quartiles(latencies[name]))
            note = f"a call takes {median:.1f} ms (quartiles {low:.1f} to {high:.1f})"
            rows.append(row(AREA, what, name, speeds[name], "calls a second", note=note))
        shares = ratios(speeds[DEMO], speeds[NOTHING])
        call = 1 / statistics.median(speeds[NOTHING])
        rows.append(row(AREA, f"{what}, share of doing nothing", DEMO, shares, "", at_least=SHARE,
                        theory=call / (call + reading)))  # fmt: skip
    return rows


def memory(server: Server, calls: int) -> list[Row]:
    """The server's resident memory before and after `calls` calls."""
    if not Path("/proc/self/status").exists():
        return []  # only Linux tells it this way
    http_load.load(server.port, server.path, 8, calls=max(100, calls // 10))  # warm-up
    before = resident_megabytes(server.process)
    http_load.load(server.port, server.path, 8, calls=calls)
    after = resident_megabytes(server.process)
    note = f"{before:.0f} MB before, {after:.0f} MB after"
    return [row(AREA, f"memory after {calls:,} calls, times that before", DEMO, [after / before],
                "×", at_most=GROWTH, note=note)]  # fmt: skip


def resident_megabytes(process: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"Process {process} has no memory: it has ended.")


def start_up(settings: Settings, picture: bytes, first: dict[str, Server]) -> list[Row]:
    """Seconds from the command to the first answer, against bare imports and a launch."""
    seconds = {name: [server.seconds] for name, server in first.items()}
    for number in range(settings.choose(0, 4)):
        for name in list(seconds)[:: 1 if number % 2 else -1]:
            with _server(name, settings, picture) as server:
                seconds[name].append(server.seconds)
    arms = {DEMO: DEMO, NOTHING: f"import torch, gradio; launch; {NOTHING}"}
    rows = [row(AREA, "start to first answer", arms[n], times, "s") for n, times in seconds.items()]
    rows.append(row(AREA, "start to first answer, times the bare one", DEMO,
                    ratios(seconds[DEMO], seconds[NOTHING]), "×", at_most=START))  # fmt: skip
    return rows


@contextmanager
def _server(name: str, settings: Settings, picture: bytes) -> Iterator[Server]:
    """A server that has answered once."""
    port = _free_port()
    arguments = _command(name, settings, port)
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "NO_PROXY": http_load.HOST}
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log
        )

        def problem() -> str:
            log.seek(0)
            return log.read().decode(errors="replace")[-2000:]

        try:
            path = _until_ready(
                lambda: http_load.upload(port, "digit.png", picture), process, problem
            )
            http_load.predict(port, path)
            yield Server(port, process.pid, path, time.perf_counter() - start)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _command(name: str, settings: Settings, port: int) -> Sequence[str]:
    if name == NOTHING:
        return ["-m", "analysis.benchmark.nothing", "--port", str(port), "--import-torch"]
    files = {key: str(Path(path).resolve()) for key, path in settings.checkpoints.items()}
    networks = ["--standard", files["standard"], "--mobilenet", files["mobilenet"]]
    return ["demo.py", "--host", http_load.HOST, "--port", str(port), *networks]


def _until_ready(
    ask: Callable[[], str], process: subprocess.Popen, problem: Callable[[], str]
) -> str:
    end = time.perf_counter() + PATIENCE
    while True:
        try:
            return ask()
        except OSError as error:
            if process.poll() is not None or time.perf_counter() > end:
                raise OSError(f"The server does not answer ({error}): {problem()}") from error
        time.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((http_load.HOST, 0))
        return probe.getsockname()[1]
