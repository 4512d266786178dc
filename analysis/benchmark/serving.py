"""Serving: the demo over HTTP against a server that does nothing, its memory, start and size.

The plain route is held against what the cores allow: cores ÷ (processor time of the twin's call,
client included, + reading + networks). Fewer clients than cores keep no more cores than clients
busy, since each waits for its answer. Cores are those that other programs leave: what the demo and
its clients use of them, and what stays idle.
"""

import asyncio
import contextlib
import os
import runpy
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from analysis.benchmark.arms import Arm, Work, profile, running
from analysis.benchmark.photos import make_reader, png
from analysis.benchmark.record import Row, ratios, row
from analysis.benchmark.settings import Settings
from analysis.frame.children import HOST, ROOT, serving
from netlib.errors import many

PREDICT = "/gradio_api/run/predict"
SCRIPT = "demo.py"
CLIENTS = (1, 8, 32)
GRADIO_SHARE, PLAIN_SHARE, START, GROWTH = 0.5, 0.85, 1.2, 1.02
DEMO, NOTHING = "demo", "do nothing"
PATIENCE = 120  # seconds until a server must answer
MEMORY_CALLS = 10_000
MEMORY_MB, DISK_MB = 400, 700
PROJECT = "depthwise-digits"


@dataclass(frozen=True)
class Server:
    """A server that has answered."""

    url: str  # where it listens, on this machine
    process: int  # its number
    path: str  # of the uploaded picture
    seconds: float  # from the command to the first answer


@dataclass(frozen=True)
class Use:
    """What calls of one kind took."""

    latencies: list[float]  # seconds of each call
    seconds: float  # of all
    server: float  # processor seconds of a call in the server's own process,
    readers: float  # in those that it started,
    clients: float  # and in this one
    cores: float  # that other programs left

    @property
    def speed(self) -> float:
        return len(self.latencies) / self.seconds

    @property
    def call(self) -> float:
        """Processor seconds of a call, all processes together."""
        return self.server + self.readers + self.clients

    def told(self) -> str:
        return (f"{1e3 * self.call:.2f} ms of a processor a call: server {1e3 * self.server:.2f}, "
                f"readers {1e3 * self.readers:.2f}, clients {1e3 * self.clients:.2f}; "
                f"{self.speed * self.call:.2f} of {self.cores:.2f} cores busy")  # fmt: skip


def run(settings: Settings) -> list[Row]:
    """Calls a second, latency, memory over many calls, start-up, and packages."""
    picture = png(settings.digits("test")[0][0])
    with started(DEMO, settings, picture) as demo, started(NOTHING, settings, picture) as nothing:
        # Anew: what was uploaded at the demo's start may be gone when the other one has started.
        servers = {name: replace(server, path=upload(server.url, picture))
                   for name, server in ((DEMO, demo), (NOTHING, nothing))}  # fmt: skip
        rows = throughput(servers, settings)
        rows += plain(servers, settings, picture)
        rows += memory(demo, settings.choose(200, MEMORY_CALLS), picture)
    return [*rows, *start_up(settings, picture, servers), on_disk()]


def on_disk() -> Row:
    """Megabytes of the packages that answering needs, and of all that those need."""
    sizes: dict[tuple[str, str], float] = {}
    waiting = [(PROJECT, "")]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in sizes:
            continue
        package = metadata.distribution(name)
        files = [Path(str(file.locate())) for file in package.files or ()] if not extra else []
        sizes[name, extra] = sum(f.stat().st_blocks * 512 for f in files if f.is_file()) / 1e6
        for needed in map(Requirement, package.requires or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(needed.name), e) for e in ("", *needed.extras)]
    most = ", ".join(f"{n} {sizes[n, e]:.0f}" for n, e in sorted(sizes, key=sizes.__getitem__)[-5:])
    what, total = "packages of the demo on disk", sum(sizes.values())
    return row(what, DEMO, [total], "MB", at_most=DISK_MB, why=f"most take {most}.")


def plain(servers: dict[str, Server], settings: Settings, picture: bytes) -> list[Row]:
    """Calls a second of the plain route, as a share of what the cores allow."""
    rounds, seconds = settings.choose((2, 0.7), (5, 3.0))
    rows = []
    with running(Arm(make_reader, (settings.checkpoints, [picture], seconds / 3))) as reader:
        for clients in CLIENTS:
            shares, speeds = [], []
            for _ in range(rounds):
                reading = reader("")
                twin = load(servers[NOTHING], clients, seconds=seconds, picture=picture)
                found = load(servers[DEMO], clients, seconds=seconds, picture=picture)
                promised = twin.call + reading
                speeds.append(found.speed)
                shares.append(found.speed * promised / min(clients, found.cores))
            why = (f"{found.told()}; promised are {1e3 * promised:.2f} ms: twin "
                   f"{1e3 * twin.call:.2f}, reading {1e3 * reading:.2f}.")  # fmt: skip
            what = f"{many(clients, 'client')}, plain route"
            rows.append(row(what, DEMO, speeds, "calls a second"))
            rows.append(row(f"{what}, share of what the cores allow", DEMO, shares, "",
                            at_least=PLAIN_SHARE, theory=1.0, why=why))  # fmt: skip
    return rows


def throughput(servers: dict[str, Server], settings: Settings) -> list[Row]:
    """Calls a second of Gradio's endpoint of both servers, in turn, at 1, 8 and 32 clients."""
    rounds, seconds = settings.choose((2, 0.7), (5, 3.0))
    rows = []
    for clients in CLIENTS:
        uses: dict[str, list[Use]] = {name: [] for name in servers}
        for number in range(rounds):
            for name in list(servers)[:: 1 if number % 2 else -1]:
                load(servers[name], clients, seconds=seconds / 5)  # warm-up
                uses[name].append(load(servers[name], clients, seconds=seconds))
        what = many(clients, "client")
        speeds = {name: [use.speed for use in found] for name, found in uses.items()}
        for name, found in uses.items():
            rows.append(row(what, name, speeds[name], "calls a second"))
            milliseconds = [1e3 * latency for use in found for latency in use.latencies]
            rows.append(row(f"{what}, a call", name, milliseconds, "ms"))
        shares = ratios(speeds[DEMO], speeds[NOTHING])
        why = "; ".join(f"{name} takes {found[-1].told()}" for name, found in uses.items())
        rows.append(row(f"{what}, share of doing nothing", DEMO, shares, "",
                        at_least=GRADIO_SHARE, why=f"{why}."))  # fmt: skip
    return rows


def memory(server: Server, calls: int, picture: bytes) -> list[Row]:
    """The memory of all of the server's processes before and after `calls` calls."""
    if not Path("/proc/self/smaps_rollup").exists():
        return []  # only Linux tells it this way
    load(server, 8, calls=max(100, calls // 10), picture=picture)  # warm-up
    before = megabytes(server.process)
    load(server, 8, calls=calls, picture=picture)
    after = megabytes(server.process)
    why = f"{before:.0f} MB before the calls."
    rows = [row("memory, all processes", DEMO, [after], "MB", at_most=MEMORY_MB, why=why)]
    rows.append(row(f"memory after {calls:,} calls, times that before", DEMO,
                    [after / before], "×", at_most=GROWTH,
                    why=f"{before:.0f} MB became {after:.0f}."))  # fmt: skip
    return rows


def load(
    server: Server,
    clients: int,
    *,
    seconds: float = 1e9,
    calls: int = 10**9,
    picture: bytes | None = None,
) -> Use:
    """What calls of `clients` take that call at once after each answer, until either limit.

    With a picture, of the plain route; without, of Gradio's endpoint.

    Raises:
        httpx.HTTPError: an answer is not 200, or there is none.
    """
    latencies: list[float] = []
    processes = family(server.process)
    before = [server_seconds(number) for number in processes]
    clients_before, idle_before = time.process_time(), idle_seconds()
    start = time.perf_counter()
    end = start + seconds

    async def client() -> None:
        # One that all share would let them wait for one another.
        # Nothing is encrypted, and reading all certificates takes longer than many calls.
        async with httpx.AsyncClient(base_url=server.url, timeout=60, verify=False) as connection:
            called = start
            while not latencies or (called < end and len(latencies) < calls):
                called = time.perf_counter()
                if picture is None:
                    answer = await connection.post(PREDICT, json=payload(server.path))
                else:
                    answer = await connection.post("/predict", content=picture)
                answer.raise_for_status()
                latencies.append(time.perf_counter() - called)

    async def together() -> None:
        await asyncio.gather(*(client() for _ in range(clients)))

    asyncio.run(together())
    spent = time.perf_counter() - start
    used = [server_seconds(number) - one for number, one in zip(processes, before, strict=True)]
    used.append(time.process_time() - clients_before)
    each = [seconds / len(latencies) for seconds in used]
    cores = (sum(used) + idle_seconds() - idle_before) / spent
    return Use(latencies, spent, each[0], sum(each[1:-1]), each[-1], cores)


def family(process: int) -> list[int]:
    """A process and all that it started."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = [process]
    for number in found:
        found += [child for child, parent in parents.items() if parent == number]
    return found


def server_seconds(process: int) -> float:
    """Processor seconds that a process has had."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_seconds() -> float:
    """For which cores had nothing to do, all together."""
    fields = Path("/proc/stat").read_text(encoding="utf-8").split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


def megabytes(process: int) -> float:
    """Memory of a process and all that it started, what they share counted once."""
    total = 0
    for number in family(process):
        lines = Path(f"/proc/{number}/smaps_rollup").read_text(encoding="utf-8").splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def payload(path: str) -> dict[str, Any]:
    """The body of a call, in a session of its own, as all of Gradio's clients open one.

    Without a session, the server would describe all components of its page anew for each call.
    """
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    return {"data": [file], "session_hash": uuid.uuid4().hex}


def start_up(settings: Settings, picture: bytes, first: dict[str, Server]) -> list[Row]:
    """Seconds from the command to the first answer, against bare imports and a launch."""
    seconds = {name: [server.seconds] for name, server in first.items()}
    for number in range(settings.choose(0, 4)):
        for name in list(seconds)[:: 1 if number % 2 else -1]:
            with started(name, settings, picture) as server:
                seconds[name].append(server.seconds)
    arms = {DEMO: DEMO, NOTHING: f"import gradio; launch; {NOTHING}"}
    rows = [row("start to first answer", arms[n], times, "s") for n, times in seconds.items()]
    rows.append(row("start to first answer, times the bare one", DEMO,
                    ratios(seconds[DEMO], seconds[NOTHING]), "×", at_most=START,
                    why=partial(profile, Arm(make_page, (settings.checkpoints,)), "")))  # fmt: skip
    return rows


def make_page(paths: Mapping[str, Path]) -> Work:
    """An arm: seconds to import the demo and to build its page, without a launch."""

    def work(_: str) -> float:
        start = time.perf_counter()
        runpy.run_path(str(ROOT / SCRIPT))["build_demo"](*paths.values(), workers=0)
        return time.perf_counter() - start

    return work


@contextlib.contextmanager
def started(name: str, settings: Settings, picture: bytes) -> Iterator[Server]:
    """A server that has answered once."""
    script = ["analysis/benchmark/nothing.py"]
    if name == DEMO:
        files = [str(Path(path).resolve()) for path in settings.checkpoints.values()]
        script = [SCRIPT, "--host", HOST, "--checkpoint", *files]
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        try:
            with serving(*script, log=log) as (url, process):
                path = first_answer(url, picture, process)
                yield Server(url, process.pid, path, time.perf_counter() - start)
        except OSError as error:
            log.seek(0)
            text = log.read().decode(errors="replace")[-2000:]
            raise OSError(f"The server {name!r} does not answer ({error}): {text}") from error


def upload(url: str, picture: bytes) -> str:
    """Where a server of Gradio's keeps the picture that it is sent; httpx.HTTPError if it fails."""
    files = {"files": ("digit.png", picture, "image/png")}
    answer = httpx.post(f"{url}/gradio_api/upload", files=files, timeout=60, trust_env=False)
    return answer.raise_for_status().json()[0]


def first_answer(url: str, picture: bytes, process: subprocess.Popen) -> str:
    """Wait for a server, send it the picture and ask once; the picture's path there."""
    end = time.perf_counter() + PATIENCE
    with httpx.Client(base_url=url, timeout=60) as client:
        while True:
            try:
                path = upload(url, picture)
                client.post(PREDICT, json=payload(path)).raise_for_status()
                return path
            except httpx.HTTPError as error:
                if process.poll() is not None or time.perf_counter() > end:
                    raise OSError(str(error)) from error
            time.sleep(0.02)
