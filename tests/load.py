"""Attack the running app as many visitors would, and print what was reached beside its target.

python tests/load.py [--seconds 600] [--url http://127.0.0.1:7860 --process PID]

Starts the demo on a free port, or takes one that runs. Everything that is sent is made here:

- many: 32 clients draw, upload and send mistakes; how long a drawing takes, memory, files;
- heavy: 8 visitors send batches of 200 pictures, then pictures of 50 megapixels, without a pause;
  how much slower a ninth's drawing is than alone;
- body: bodies that are slow, endless or cut short.

Not collected by pytest: it measures, and takes all cores for as long as it is told.
"""

import argparse
import asyncio
import base64
import contextlib
import io
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
from helpers_light import drawing
from PIL import Image, ImageDraw

ROOT = Path(__file__).parents[1]
CLIENTS, VISITORS, BATCH = 32, 8, 200
SLOWEST, GROWTH, SLOWDOWN = 0.3, 1.02, 2.0
FILE = {"meta": {"_type": "gradio.FileData"}}
Call = Callable[[httpx.AsyncClient], Awaitable[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60, help="of each attack")
    parser.add_argument("--url", help="of an app that runs; --process is its number")
    parser.add_argument("--process", type=int)
    args = parser.parse_args()
    running = contextlib.nullcontext((args.url, args.process)) if args.url else demo()
    with running as (url, process):
        asyncio.run(attack(url, process, args.seconds))


@contextlib.contextmanager
def demo() -> Iterator[tuple[str, int]]:
    """Start the demo; its address and process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as scratch, open(f"{scratch}/log", "wb") as log:
        os.environ |= {"GRADIO_TEMP_DIR": f"{scratch}/uploads", "NO_PROXY": "127.0.0.1"}
        process = subprocess.Popen([sys.executable, "demo.py", "--port", str(port)], cwd=ROOT,
                                   stdout=log, stderr=log)  # fmt: skip
        try:
            while process.poll() is None:
                with contextlib.suppress(httpx.HTTPError):
                    httpx.get(f"{url}/health", trust_env=False)
                    break
                time.sleep(0.2)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait()


async def attack(url: str, process: int, seconds: float) -> None:
    """All attacks, and a line for each target."""
    pad = await pad_listener(url)
    await many(url, process, seconds, pad)
    await heavy(url, seconds, pad)
    await bodies(url)


def show(what: str, value: float, target: float, unit: str = "") -> None:
    verdict = "reached" if value <= target else "MISSED"
    print(f"{what:58s} {value:8.3g} {unit:6s} at most {target:.3g}: {verdict}", flush=True)


# --- What a visitor sends -----------------------------------------------------------------------


async def pad_listener(url: str) -> int:
    """The number of the listener that reads the pad."""
    async with visitor(url) as client:
        config = (await client.get("/config")).json()
    names = {item["id"]: item["props"].get("elem_id") for item in config["components"]}
    for item in config["dependencies"]:
        if any((names[i], event) == ("pad", "change") for i, event in item["targets"]):
            return item["id"]
    raise LookupError("The page has no pad.")


def visitor(url: str) -> httpx.AsyncClient:
    """A client of its own: one that all share would make them wait for one another."""
    session = {"session": uuid.uuid4().hex}  # that of the page, which Gradio keeps for a while
    return httpx.AsyncClient(base_url=url, headers=session, timeout=120, trust_env=False)


def on_pad(number: int) -> Call:
    """A drawing on the page's pad."""
    value = "data:image/png;base64," + base64.b64encode(drawing()).decode()

    async def call(client: httpx.AsyncClient) -> int:
        body = {
            "data": [value, None],
            "fn_index": number,
            "session_hash": client.headers["session"],
        }
        return (await client.post("/gradio_api/run/predict", json=body)).status_code

    return call


def plain(picture: bytes) -> Call:
    """A picture to the plain route."""

    async def call(client: httpx.AsyncClient) -> int:
        return (await client.post("/predict", content=picture)).status_code

    return call


def uploaded(endpoint: str, pictures: list[bytes]) -> Call:
    """Pictures to one of Gradio's endpoints, uploaded anew each time."""

    async def call(client: httpx.AsyncClient) -> int:
        files = [("files", (f"{i}.png", picture)) for i, picture in enumerate(pictures)]
        paths = (await client.post("/gradio_api/upload", files=files)).json()
        sent = [{"path": path, **FILE} for path in paths]
        body = {"data": [sent if endpoint == "predict_batch" else sent[0]],
                "session_hash": client.headers["session"]}  # fmt: skip
        return (await client.post(f"/gradio_api/run/{endpoint}", json=body)).status_code

    return call


async def repeat(url: str, calls: list[Call], end: float, pause: float = 0.0) -> list[tuple]:
    """(index of the call, seconds, status) of a visitor's calls in turn, until `end`."""
    found = []
    async with visitor(url) as client:
        while time.perf_counter() < end:
            for number, call in enumerate(calls):
                start = time.perf_counter()
                try:
                    status = await call(client)
                except httpx.HTTPError:
                    status = 0
                found.append((number, time.perf_counter() - start, status))
                await asyncio.sleep(pause)
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

    results = await asyncio.gather(watch(), *(repeat(url, calls, end) for _ in range(CLIENTS)))
    for result in results[1:]:
        found += result
    print(f"\n{CLIENTS} clients, {seconds:.0f} s: {len(found) / seconds:.1f} calls a second, "
          f"statuses {dict(Counter(status for *_, status in found))}")  # fmt: skip
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


def family(process: int) -> list[int]:
    """A process and all that it started."""
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True)
    return [process, *(other for child in found.stdout.split() for other in family(int(child)))]


def megabytes(process: int) -> float:
    """Memory of an app, all processes together, what they share counted once."""
    total = 0
    for number in family(process):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def temporary_files() -> int:
    return sum(len(files) for _, _, files in os.walk(os.environ["GRADIO_TEMP_DIR"]))


# --- 8 visitors with heavy requests -------------------------------------------------------------


async def heavy(url: str, seconds: float, pad: int) -> None:
    """A ninth visitor's drawings, alone and beside eight with heavy requests."""
    large = photo()
    attacks = {
        f"batches of {BATCH}": uploaded("predict_batch", [drawing()] * BATCH),
        "50-megapixel pictures": uploaded("predict", [large]),
        "50-megapixel pictures to the route": plain(large),
    }
    drawings = [on_pad(pad), plain(drawing())]
    for name, call in attacks.items():
        alone = await repeat(url, drawings, time.perf_counter() + seconds / 4, 0.05)
        end = time.perf_counter() + seconds
        others = [asyncio.create_task(repeat(url, [call], end, 0.2)) for _ in range(VISITORS)]
        await asyncio.sleep(min(3.0, seconds / 4))
        beside = await repeat(url, drawings, end, 0.05)
        statuses = Counter(
            status for found in await asyncio.gather(*others) for *_, status in found
        )
        print(f"\n{VISITORS} visitors, {name}: statuses {dict(statuses)}")
        for number, where in enumerate(("pad", "route")):
            one, other = (statistics.median(spent for call, spent, _ in found if call == number)
                          for found in (alone, beside))  # fmt: skip
            print(f"a ninth's drawing, {where}: {1e3 * one:.1f} -> {1e3 * other:.1f} ms")
            show(f"slowdown beside {name}, {where}", other / one, SLOWDOWN, "times")


def photo() -> bytes:
    """A JPEG of 50 megapixels: a digit on paper."""
    image = Image.effect_noise((8000, 6250), 20).convert("RGB")
    ImageDraw.Draw(image).line([(2500, 1500), (5500, 1500), (3500, 5000)], (30, 30, 60), 500)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=60)
    return buffer.getvalue()


# --- Bodies -------------------------------------------------------------------------------------


async def bodies(url: str) -> None:
    """Slow, endless and broken bodies beside a drawing."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(100_000)

    async def slow() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(1)
            yield b"x"

    async def send(content: AsyncIterator[bytes]) -> int:
        async with visitor(url) as client:
            try:
                return (await client.post("/predict", content=content)).status_code
            except httpx.HTTPError:  # closed in the middle of what is sent
                return 413

    tasks = [asyncio.create_task(send(body())) for body in (slow, endless) for _ in range(8)]
    beside = await repeat(url, [plain(drawing())], time.perf_counter() + 5, 0.05)
    statuses = Counter([await task for task in tasks])
    print(f"\nslow and endless bodies: statuses {dict(statuses)}")
    show("a drawing beside them, slowest", max(spent for _, spent, _ in beside), 2.0, "s")
    show("bodies that were taken", statuses[200], 0)


if __name__ == "__main__":
    main()
