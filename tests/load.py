"""Attack the running app as many visitors would, and print what was reached beside its target.

python tests/load.py [--seconds 600] [--only many] [--url http://127.0.0.1:7860 --process PID]

Starts the demo on a free port, or takes one that runs. Everything that is sent is made here:

- many: 32 clients draw, upload and send mistakes; how long a drawing takes, memory, files;
- body: bodies that are slow, endless or cut short.

Whoever is not measured runs in another process at the lowest priority: in truth, visitors bring
processors of their own. Not collected by pytest: it measures, and takes all cores for as long as it
is told.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import re
import statistics
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
from helpers_light import drawing

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from analysis.benchmark.serving import family, megabytes, server_seconds  # noqa: E402
from analysis.frame.children import serving  # noqa: E402

CLIENTS = 32
SLOWEST, GROWTH = 0.3, 1.02
FILE = {"meta": {"_type": "gradio.FileData"}}
JSON = "application/json"
PATIENCE = 120  # seconds that a visitor waits for an answer
ATTACKS = ("many", "body")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="of each attack")
    parser.add_argument("--only", nargs="+", choices=ATTACKS, default=ATTACKS)
    parser.add_argument("--url", help="of an app that runs; --process is its number")
    parser.add_argument("--process", type=int)
    args = parser.parse_args()
    running = contextlib.nullcontext((args.url, args.process)) if args.url else demo()
    with running as (url, process):
        asyncio.run(attack(url, process, args.seconds, args.only))


@contextlib.contextmanager
def demo() -> Iterator[tuple[str, int]]:
    """Start the demo; its address and process."""
    with tempfile.TemporaryDirectory() as scratch, open(f"{scratch}/log", "wb") as log:
        os.environ["GRADIO_TEMP_DIR"] = f"{scratch}/uploads"
        with serving("demo.py", log=log) as (url, process):
            while process.poll() is None:
                with contextlib.suppress(httpx.HTTPError):
                    httpx.get(f"{url}/health", trust_env=False)
                    break
                time.sleep(0.2)
            yield url, process.pid


async def attack(url: str, process: int, seconds: float, only: list[str]) -> None:
    """The attacks, and a line for each target."""
    pad = pad_listener(url)
    if "many" in only:
        await many(url, process, seconds, pad)
    if "body" in only:
        await bodies(url)


def show(what: str, value: float, target: float, unit: str = "") -> None:
    verdict = "reached" if value <= target else "MISSED"
    print(f"{what:62s} {value:8.3g} {unit:6s} at most {target:.3g}: {verdict}", flush=True)


# --- What a visitor sends -----------------------------------------------------------------------


class Visitor:
    """A page's session on a connection of its own; httpx would take longer than the server."""

    def __init__(self, url: str) -> None:
        self._host, _, port = url.removeprefix("http://").partition(":")
        self._port = int(port)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.session = uuid.uuid4().hex

    async def post(self, path: str, body: bytes, kind: str = JSON) -> tuple[int, bytes]:
        """Status and body of the answer; 0 where the connection ended before there was one."""
        try:
            return await asyncio.wait_for(self._post(path, body, kind), PATIENCE)
        except (OSError, EOFError, asyncio.TimeoutError):
            self.close()
            return 0, b""

    async def _post(self, path: str, body: bytes, kind: str) -> tuple[int, bytes]:
        self._streams = self._streams or await asyncio.open_connection(self._host, self._port)
        answer, sent = self._streams
        sent.write(f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: {kind}\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n".encode())  # fmt: skip
        sent.write(body)
        head = (await answer.readuntil(b"\r\n\r\n")).decode().lower()
        length = re.search(r"content-length: (\d+)", head)
        found = await answer.readexactly(int(length[1]) if length else 0)
        if "connection: close" in head:
            self.close()
        return int(head[9:12]), found

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
        self._streams = None


Call = Callable[[Visitor], Awaitable[int]]


def pad_listener(url: str) -> int:
    """The number of the listener that reads the pad."""
    config = httpx.get(f"{url}/config", trust_env=False).json()
    names = {item["id"]: item["props"].get("elem_id") for item in config["components"]}
    for item in config["dependencies"]:
        if any((names[i], event) == ("pad", "change") for i, event in item["targets"]):
            return item["id"]
    raise LookupError("The page has no pad.")


def on_pad(number: int) -> Call:
    """A drawing on the page's pad."""
    value = "data:image/png;base64," + base64.b64encode(drawing()).decode()

    async def call(visitor: Visitor) -> int:
        body = {"data": [None, value, None], "fn_index": number, "session_hash": visitor.session}
        return (await visitor.post("/gradio_api/run/predict", json.dumps(body).encode()))[0]

    return call


def plain(picture: bytes) -> Call:
    """A picture to the plain route."""

    async def call(visitor: Visitor) -> int:
        return (await visitor.post("/predict", picture, "image/png"))[0]

    return call


def uploaded(endpoint: str, pictures: list[bytes]) -> Call:
    """Pictures to one of Gradio's endpoints, uploaded anew each time."""
    files = [("files", (f"{i}.png", picture)) for i, picture in enumerate(pictures)]
    form = httpx.Request("POST", "http://localhost", files=files)
    content, kind = form.read(), form.headers["Content-Type"]

    async def call(visitor: Visitor) -> int:
        status, answer = await visitor.post("/gradio_api/upload", content, kind)
        if status != 200:
            return status
        sent = [{"path": path, **FILE} for path in json.loads(answer)]
        body = {"data": [sent if endpoint == "predict_batch" else sent[0]],
                "session_hash": visitor.session}  # fmt: skip
        return (await visitor.post(f"/gradio_api/run/{endpoint}", json.dumps(body).encode()))[0]

    return call


async def repeat(url: str, calls: list[Call], end: float, pause: float = 0.0) -> list[tuple]:
    """(index of the call, seconds, status) of a visitor's calls in turn, until `end`."""
    found = []
    visitor = Visitor(url)
    while time.perf_counter() < end:
        for number, call in enumerate(calls):
            start = time.perf_counter()
            status = await call(visitor)
            found.append((number, time.perf_counter() - start, status))
            await asyncio.sleep(pause)
    visitor.close()
    return found


# --- 32 clients ---------------------------------------------------------------------------------


async def many(url: str, process: int, seconds: float, pad: int) -> None:
    """32 clients: drawings on the pad and to the route, an upload, two mistakes, in turn."""
    calls = [on_pad(pad), plain(drawing()), uploaded("predict", [drawing()]),
             plain(b"no picture"), uploaded("predict", [b"no picture"])]  # fmt: skip
    await asyncio.gather(*(repeat(url, calls, time.perf_counter() + 5) for _ in range(CLIENTS)))
    memory, most, found = [], 0, []
    end = time.perf_counter() + seconds

    async def watch() -> None:
        nonlocal most
        while time.perf_counter() < end:
            memory.append(megabytes(process))
            most = max(most, temporary_files())
            await asyncio.sleep(1)

    before = [server_seconds(number) for number in family(process)]
    results = await asyncio.gather(watch(), *(repeat(url, calls, end) for _ in range(CLIENTS)))
    server, *readers = (server_seconds(number) - one
                        for number, one in zip(family(process), before, strict=True))  # fmt: skip
    for result in results[1:]:
        found += result
    print(f"\n{CLIENTS} clients, {seconds:.0f} s: {len(found) / seconds:.1f} calls a second, "
          f"statuses {dict(Counter(status for *_, status in found))}")  # fmt: skip
    print(f"of a core, the server takes {server / seconds:.2f}, all readers "
          f"{sum(readers) / seconds:.2f}, of {os.cpu_count()} cores")  # fmt: skip
    for number, name in enumerate(("pad", "route")):
        times = sorted(spent for call, spent, _ in found if call == number)
        print(f"a drawing, {name}: median {statistics.median(times):.3f} s")
        show(f"a drawing, {name}, 99th percentile", times[int(0.99 * len(times))], SLOWEST, "s")
    tenth = max(1, len(memory) // 10)
    first = statistics.median(memory[tenth : 2 * tenth + 1])
    last = statistics.median(memory[-tenth:])
    print(f"memory {first:.0f} -> {last:.0f} MB, at most {most} temporary files")
    show("memory at the end, times that after a tenth", last / first, GROWTH)
    await asyncio.sleep(60)
    show("temporary files a minute later", temporary_files(), 0)


def temporary_files() -> int:
    return sum(len(files) for _, _, files in os.walk(os.environ["GRADIO_TEMP_DIR"]))


# --- Bodies -------------------------------------------------------------------------------------


async def bodies(url: str) -> None:
    """Slow, endless and broken bodies beside a drawing."""

    async def send(pause: float, part: bytes) -> int:
        host, _, port = url.removeprefix("http://").partition(":")
        answer, sent = await asyncio.open_connection(host, int(port))
        sent.write(b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"
                   b"Transfer-Encoding: chunked\r\n\r\n")  # fmt: skip
        reply = asyncio.create_task(answer.readline())
        while not reply.done():
            sent.write(b"%x\r\n%s\r\n" % (len(part), part))
            with contextlib.suppress(OSError):  # closed in the middle of what is sent
                await sent.drain()
            await asyncio.sleep(pause)
        sent.close()
        with contextlib.suppress(OSError):
            return int((await reply)[9:12] or 0)
        return 0

    kinds = ((1, b"x"), (0, bytes(100_000)))
    tasks = [asyncio.create_task(send(*kind)) for kind in kinds for _ in range(8)]
    beside = await repeat(url, [plain(drawing())], time.perf_counter() + 5, 0.05)
    statuses = Counter([await task for task in tasks])
    print(f"\nslow and endless bodies: statuses {dict(statuses)}")
    show("a drawing beside them, slowest", max(spent for _, spent, _ in beside), 2.0, "s")
    show("bodies that were taken", statuses[200], 0)


if __name__ == "__main__":
    main()
