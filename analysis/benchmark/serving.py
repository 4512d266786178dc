"""Serving: the demo's `predict` over HTTP against a function that does nothing, and its start."""

import io
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps

from analysis.benchmark import http_load
from analysis.benchmark.record import Row, quartiles, ratios, row
from analysis.benchmark.settings import Settings

AREA = "serving"
ROOT = Path(__file__).parents[2]
CLIENTS = (1, 8, 32)
SHARE, START, GROWTH = 0.8, 1.5, 1.02
DEMO, NOTHING = "demo", "do nothing"
PATIENCE = 120  # seconds until a server must answer
MEMORY_CALLS = 10_000
Server = tuple[int, int, str]  # port, process, the uploaded picture's path


def run(settings: Settings) -> list[Row]:
    """Calls a second, latency, memory over many calls, and start-up."""
    picture = drawing(settings)
    with _server(DEMO, settings, picture) as demo, _server(NOTHING, settings, picture) as nothing:
        rows = throughput({DEMO: demo, NOTHING: nothing}, settings)
        rows += memory(demo, settings.choose(200, MEMORY_CALLS))
    return rows + start_up(settings, picture)


def drawing(settings: Settings) -> bytes:
    """A test digit as a pad would send it: 280x280, dark on white, PNG."""
    digit = Image.fromarray(settings.digits("test")[0][0])
    large = ImageOps.invert(digit).resize((280, 280), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    large.save(buffer, "PNG")
    return buffer.getvalue()


def throughput(servers: dict[str, Server], settings: Settings) -> list[Row]:
    """Calls a second of both servers, in turn, at 1, 8 and 32 clients."""
    rounds, seconds = settings.choose((2, 0.7), (5, 3.0))
    rows = []
    for clients in CLIENTS:
        speeds: dict[str, list[float]] = {name: [] for name in servers}
        latencies: dict[str, list[float]] = {name: [] for name in servers}
        for number in range(rounds):
            for name in list(servers)[:: 1 if number % 2 else -1]:
                port, _, path = servers[name]
                http_load.load(port, path, clients, seconds=seconds / 5)  # warm-up
                load = http_load.load(port, path, clients, seconds=seconds)
                speeds[name].append(load.calls_per_second)
                latencies[name] += load.latencies
        what = f"{clients} client{'s' if clients > 1 else ''}"
        for name in servers:
            low, median, high = (1e3 * q for q in quartiles(latencies[name]))
            note = f"a call takes {median:.1f} ms (quartiles {low:.1f} to {high:.1f})"
            rows.append(row(AREA, what, name, speeds[name], "calls a second", note=note))
        shares = ratios(speeds[DEMO], speeds[NOTHING])
        rows.append(row(AREA, f"{what}, share of doing nothing", DEMO, shares, "", at_least=SHARE))
    return rows


def memory(server: Server, calls: int) -> list[Row]:
    """The server's resident memory before and after `calls` calls."""
    port, process, path = server
    if not Path("/proc/self/status").exists():
        return []  # only Linux tells it this way
    http_load.load(port, path, 8, calls=max(100, calls // 10))  # warm-up
    before = resident_megabytes(process)
    http_load.load(port, path, 8, calls=calls)
    after = resident_megabytes(process)
    note = f"{before:.0f} MB before, {after:.0f} MB after"
    return [row(AREA, f"memory after {calls:,} calls, times that before", DEMO, [after / before],
                "×", at_most=GROWTH, note=note)]  # fmt: skip


def resident_megabytes(process: int) -> float:
    """Resident memory of a process."""
    for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise OSError(f"Process {process} has no memory: it has ended.")


def start_up(settings: Settings, picture: bytes) -> list[Row]:
    """Seconds from the command to the first answer, against bare imports and a launch."""
    bare = f"import torch, gradio; launch; {NOTHING}"
    seconds: dict[str, list[float]] = {DEMO: [], bare: []}
    for number in range(settings.choose(1, 5)):
        for name in list(seconds)[:: 1 if number % 2 else -1]:
            start = time.perf_counter()
            with _server(DEMO if name == DEMO else NOTHING, settings, picture):
                seconds[name].append(time.perf_counter() - start)
    rows = [row(AREA, "start to first answer", name, times, "s") for name, times in seconds.items()]
    rows.append(row(AREA, "start to first answer, times the bare one", DEMO,
                    ratios(seconds[DEMO], seconds[bare]), "×", at_most=START))  # fmt: skip
    return rows


@contextmanager
def _server(name: str, settings: Settings, picture: bytes) -> Iterator[Server]:
    """A server that has answered once."""
    port = _free_port()
    arguments = _command(name, settings, port)
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "NO_PROXY": http_load.HOST}
    with tempfile.TemporaryFile() as log:
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
            yield port, process.pid, path
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
