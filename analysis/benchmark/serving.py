"""Serving: the demo over HTTP against a server that does nothing, its memory, and its start.

The plain route is held against what the cores allow: cores ÷ (processor time of the twin's call,
client included, + reading + networks). Fewer clients than cores keep no more cores than clients
busy, since each waits for its answer.
"""

import asyncio
import io
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageOps

from analysis.benchmark.arms import Arm, interleave, seconds_of
from analysis.benchmark.record import Row, ratios, row
from analysis.benchmark.settings import Settings
from netlib.answer.predictor import Predictor
from netlib.answer.reading import Reader

AREA = "serving"
HOST = "127.0.0.1"
PREDICT = "/gradio_api/run/predict"
ROOT = Path(__file__).parents[2]
CLIENTS = (1, 8, 32)
GRADIO_SHARE, PLAIN_SHARE, START, GROWTH = 0.5, 0.85, 1.2, 1.02
DEMO, NOTHING = "demo", "do nothing"
PATIENCE = 120  # seconds until a server must answer
MEMORY_CALLS = 10_000
READING, NETWORKS_ALONE = "reading a picture", "both networks alone"


@dataclass(frozen=True)
class Server:
    """A server that has answered.

    Attributes:
        url: where it listens, on this machine.
        process: its number.
        path: of the uploaded picture.
        seconds: from the command to the first answer.
    """

    url: str
    process: int
    path: str
    seconds: float


def run(settings: Settings) -> list[Row]:
    """Calls a second, latency, memory over many calls, and start-up."""
    picture = drawing(settings)
    rows, reading = reading_alone(settings, picture)
    with _server(DEMO, settings, picture) as demo, _server(NOTHING, settings, picture) as nothing:
        servers = {DEMO: demo, NOTHING: nothing}
        rows += throughput(servers, settings)
        rows += memory(demo, settings.choose(200, MEMORY_CALLS))  # while the upload is still there
        rows += plain(servers, settings, picture, reading)
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
              threads=1)  # fmt: skip
    cases = [READING, NETWORKS_ALONE]
    found = interleave({DEMO: arm}, cases, settings.choose(2, 5))
    times = {case: found[DEMO, case] for case in cases}
    rows = [row(AREA, f"{case}, no server", DEMO, [1e3 * s for s in times[case]], "ms")
            for case in cases]  # fmt: skip
    return rows, statistics.median(times[READING])


def make_reader(
    checkpoints: Mapping[str, Path], picture: bytes, seconds: float
) -> Callable[[str], float]:
    """The demo's own way from a picture to both answers, and the networks' part of it."""
    reader = Reader(Predictor(checkpoints))
    digits = reader.read(picture).digits
    work = {
        READING: lambda: reader.read(picture),
        NETWORKS_ALONE: lambda: reader.read_digits(digits),
    }
    return lambda case: seconds_of(work[case], seconds)


def plain(
    servers: dict[str, Server], settings: Settings, picture: bytes, reading: float
) -> list[Row]:
    """Calls a second of the plain route, as a share of what the cores allow."""
    rounds, seconds = settings.choose((2, 0.7), (5, 3.0))
    rows = []
    for clients in CLIENTS:
        shares, speeds = [], []
        for _ in range(rounds):
            twin = call_seconds(servers[NOTHING], clients, seconds, picture)
            start = time.perf_counter()
            found = load(servers[DEMO], clients, seconds=seconds, picture=picture)
            speeds.append(len(found) / (time.perf_counter() - start))
            shares.append(speeds[-1] * (twin + reading) / min(clients, os.cpu_count() or 1))
        what = f"{clients} client{'s' if clients > 1 else ''}, plain route"
        rows.append(row(AREA, what, DEMO, speeds, "calls a second"))
        rows.append(row(AREA, f"{what}, share of what the cores allow", DEMO, shares, "",
                        at_least=PLAIN_SHARE, theory=1.0))  # fmt: skip
    return rows


def call_seconds(server: Server, clients: int, seconds: float, picture: bytes) -> float:
    """Processor seconds of one call, of the server and of the clients, which are this process."""
    before = time.process_time() + server_seconds(server.process)
    calls = len(load(server, clients, seconds=seconds, picture=picture))
    return (time.process_time() + server_seconds(server.process) - before) / calls


def server_seconds(process: int) -> float:
    """Processor seconds that a process has had."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def throughput(servers: dict[str, Server], settings: Settings) -> list[Row]:
    """Calls a second of Gradio's endpoint of both servers, in turn, at 1, 8 and 32 clients."""
    rounds, seconds = settings.choose((2, 0.7), (5, 3.0))
    rows = []
    for clients in CLIENTS:
        speeds: dict[str, list[float]] = {name: [] for name in servers}
        latencies: dict[str, list[float]] = {name: [] for name in servers}
        for number in range(rounds):
            for name in list(servers)[:: 1 if number % 2 else -1]:
                server = servers[name]
                load(server, clients, seconds=seconds / 5)  # warm-up
                started = time.perf_counter()
                found = load(server, clients, seconds=seconds)
                speeds[name].append(len(found) / (time.perf_counter() - started))
                latencies[name] += found
        what = f"{clients} client{'s' if clients > 1 else ''}"
        for name in servers:
            rows.append(row(AREA, what, name, speeds[name], "calls a second"))
            milliseconds = [1e3 * latency for latency in latencies[name]]
            rows.append(row(AREA, f"{what}, a call", name, milliseconds, "ms"))
        shares = ratios(speeds[DEMO], speeds[NOTHING])
        rows.append(row(AREA, f"{what}, share of doing nothing", DEMO, shares, "",
                        at_least=GRADIO_SHARE))  # fmt: skip
    return rows


def memory(server: Server, calls: int) -> list[Row]:
    """The server's resident memory before and after `calls` calls."""
    if not Path("/proc/self/status").exists():
        return []  # only Linux tells it this way
    load(server, 8, calls=max(100, calls // 10))  # warm-up
    before = resident_megabytes(server.process)
    load(server, 8, calls=calls)
    after = resident_megabytes(server.process)
    return [row(AREA, f"memory after {calls:,} calls, times that before", DEMO, [after / before],
                "×", at_most=GROWTH)]  # fmt: skip


def load(
    server: Server,
    clients: int,
    *,
    seconds: float = 1e9,
    calls: int = 10**9,
    picture: bytes | None = None,
) -> list[float]:
    """Seconds of each call of `clients` that call at once after each answer, until either limit.

    With a picture, of the plain route; without, of Gradio's endpoint.

    Raises:
        httpx.HTTPError: an answer is not 200, or there is none.
    """
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def client() -> None:
        # One that all share would let them wait for one another.
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as connection:
            while (called := time.perf_counter()) < end and len(latencies) < calls:
                if picture is None:
                    answer = await connection.post(PREDICT, json=payload(server.path))
                else:
                    answer = await connection.post("/predict", content=picture)
                answer.raise_for_status()
                latencies.append(time.perf_counter() - called)

    async def together() -> None:
        await asyncio.gather(*(client() for _ in range(clients)))

    asyncio.run(together())
    return latencies


def payload(path: str) -> dict[str, Any]:
    """The body of a call, in a session of its own, as all of Gradio's clients open one.

    Without a session, the server would describe all components of its page anew for each call.
    """
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    return {"data": [file], "session_hash": uuid.uuid4().hex}


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
    arms = {DEMO: DEMO, NOTHING: f"import gradio; launch; {NOTHING}"}
    rows = [row(AREA, "start to first answer", arms[n], times, "s") for n, times in seconds.items()]
    rows.append(row(AREA, "start to first answer, times the bare one", DEMO,
                    ratios(seconds[DEMO], seconds[NOTHING]), "×", at_most=START))  # fmt: skip
    return rows


@contextmanager
def _server(name: str, settings: Settings, picture: bytes) -> Iterator[Server]:
    """A server that has answered once."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", "NO_PROXY": HOST}
    command = [sys.executable, "-m", "analysis.frame.children", str(os.getpid()),
               *_script(name, settings, port)]  # fmt: skip
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        url = f"http://{HOST}:{port}"
        try:
            path = first_answer(url, picture, process)
            yield Server(url, process.pid, path, time.perf_counter() - start)
        except OSError as error:
            log.seek(0)
            text = log.read().decode(errors="replace")[-2000:]
            raise OSError(f"The server {name!r} does not answer ({error}): {text}") from error
        finally:
            process.kill()
            process.wait()


def _script(name: str, settings: Settings, port: int) -> list[str]:
    if name == NOTHING:
        return ["analysis/benchmark/nothing.py", str(port)]
    files = [str(Path(path).resolve()) for path in settings.checkpoints.values()]
    return ["demo.py", "--host", HOST, "--port", str(port), "--checkpoint", *files]


def first_answer(url: str, picture: bytes, process: subprocess.Popen) -> str:
    """Wait for a server, send it the picture and ask once; the picture's path there.

    Raises:
        OSError: the server has ended, or does not answer in time.
    """
    end = time.perf_counter() + PATIENCE
    with httpx.Client(base_url=url, timeout=60) as client:
        while True:
            try:
                files = {"files": ("digit.png", picture, "image/png")}
                path = client.post("/gradio_api/upload", files=files).raise_for_status().json()[0]
                client.post(PREDICT, json=payload(path)).raise_for_status()
                return path
            except httpx.HTTPError as error:
                if process.poll() is not None or time.perf_counter() > end:
                    raise OSError(str(error)) from error
            time.sleep(0.02)
