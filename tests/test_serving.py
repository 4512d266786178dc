"""The running app as programs meet it: the plain route, its limits, and what strangers send."""

import asyncio
import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import helpers_family
import httpx
import pytest
from gradio.utils import get_upload_folder
from helpers_data import png
from helpers_light import drawing, wait
from PIL import Image

import demo
from netlib import __version__
from netlib.answer.pool import (
    DRAWING_BYTES,
    ReaderPool,
    StoppedError,
    Turnstile,
    is_heavy,
)
from netlib.answer.reader import Reader
from netlib.app import route, uploads
from netlib.app.service import DRAWINGS


@pytest.fixture(scope="module")
def app() -> Any:
    return demo.build_demo(workers=1)


@pytest.fixture(scope="module")
def client(app: Any, serving) -> Iterator[httpx.Client]:
    with serving(app) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


def told(answer: httpx.Response) -> str:
    """The one sentence of an answer."""
    text = answer.json()["detail"]
    assert text.endswith(".")
    return text


@pytest.mark.parametrize("kind", ["image/png", "application/x-www-form-urlencoded", "text/html",
                                  "application/json", "multipart/form-data"])  # fmt: skip
def test_a_raw_body_is_a_picture_whatever_its_content_type(client, kind: str) -> None:
    answer = client.post("/predict", content=drawing(), headers={"Content-Type": kind})
    assert answer.status_code == 200
    assert answer.json()["standard"]["prediction"] == "7"


def test_a_form_with_a_file_is_read_as_by_gradios_own_endpoint_and_one_without_told(client) -> None:
    answer = client.post("/predict", files={"anything": ("7.png", drawing(), "image/png")})
    assert answer.json()["mobilenet"]["prediction"] == "7"
    empty = client.post("/predict", files={"anything": (None, b"seven")})
    assert (empty.status_code, told(empty)[:19]) == (400, "There is no picture")
    plain = client.post("/predict", content=drawing()).json()
    body = {"data": [upload(client, drawing())]}
    answer = client.post("/gradio_api/run/predict", json=body).json()
    assert answer["data"] == [plain]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "There is no picture"),
        (b"no picture", 422, "is no picture"),
        (drawing()[:60], 422, "damaged"),
        (bytes(route.MAX_BYTES + 1), 413, "larger than"),
        (bytes(route.MAX_BODY + 1), 413, "larger than"),
        (iter([bytes(1_000_000)] * 30), 413, "larger than"),  # no length is told beforehand
    ],
)
def test_a_mistake_gets_a_status_and_a_sentence(client, body, status: int, text: str) -> None:
    answer = client.post("/predict", content=body)
    assert answer.status_code == status
    assert text in told(answer)


def test_a_form_with_too_large_a_file_is_413_too(client) -> None:
    files = {"image": ("7.png", bytes(route.MAX_BYTES + 1), "image/png")}
    answer = client.post("/predict", files=files)
    assert (answer.status_code, "larger than" in told(answer)) == (413, True)


def test_pages_of_other_sites_are_refused_and_local_ones_are_not(client) -> None:
    def status(**headers: str) -> int:
        answer = client.post("/predict", content=drawing(), headers=headers)
        assert answer.headers.get("access-control-allow-origin") != "*"
        return answer.status_code

    assert status(Origin="http://localhost:3000") == 200
    assert status(Host="digits.example", Origin="https://digits.example") == 200
    assert status(Origin="https://evil.example") == 403
    assert status(Origin="null") == 403
    assert status(Host="digits.example", Origin="https://evil.example") == 403


def test_a_slow_body_is_told_and_the_connection_closed(client, monkeypatch) -> None:
    monkeypatch.setattr(route, "BODY_SECONDS", 0.05)
    with socket.create_connection((client.base_url.host, client.base_url.port), 10) as slow:
        slow.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nab")
        answer = b"".join(iter(lambda: slow.recv(4096), b""))  # up to the end of the connection
    assert answer.startswith(b"HTTP/1.1 408")
    assert "had not arrived" in json.loads(answer.split(b"\r\n\r\n")[1])["detail"]


def test_bodies_share_a_limit_and_give_their_memory_back(client, monkeypatch) -> None:
    assert route.Body.held == 0
    monkeypatch.setattr(route, "MAX_HELD", 1000)
    answer = client.post("/predict", content=drawing())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "arriving" in told(answer)
    assert route.Body.held == 0


# --- The processes that read --------------------------------------------------------------------


class Deadly:
    """Ends the process that it is sent to."""

    def __reduce__(self) -> tuple:
        return os._exit, (1,)


def kill(processes: Iterable[int]) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):  # dead already, and not yet replaced
            os.kill(process, signal.SIGKILL)


def runs(process: int) -> bool:
    """It is neither gone nor waiting for somebody to be told of its end."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_the_end(processes: Iterable[int]) -> None:
    """All of them end by themselves."""
    helpers_family.wait(lambda: not any(map(runs, processes)))


def numbers(pool: ReaderPool) -> set[int]:
    """The processes that read."""
    return {process.number for process in pool.processes}


def test_dead_readers_are_replaced_even_without_what_they_were_forked_from(client, app) -> None:
    pool = app.service.pool
    client.post("/predict", content=drawing())
    before = numbers(pool)
    kill(before)
    answers = [client.post("/predict", content=drawing()) for _ in range(4)]
    assert {answer.status_code for answer in answers} == {200}
    assert numbers(pool) - before
    kill([pool._template.process.pid, *numbers(pool)])
    assert client.post("/predict", content=drawing()).status_code == 200


def pooled(test: Callable[[ReaderPool], Awaitable[None]], drawing: int = 1) -> None:
    """Run a test with a pool of its own."""

    async def run() -> None:
        pool = ReaderPool({"standard": demo.STANDARD, "mobilenet": demo.MOBILENET}, drawing, 1)
        try:
            await test(pool)
        finally:
            pool.close()

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_picture_that_ends_its_reader_and_what_nobody_expected_are_told() -> None:
    async def test(pool: ReaderPool) -> None:
        with pytest.raises(StoppedError, match="stopped what read it"):
            await pool.ask(Reader.read, Deadly())
        reading = await pool.ask(Reader.read, drawing())
        assert reading.networks["standard"].text == "7"
        with pytest.raises(RuntimeError, match="Traceback"):
            await pool.ask(Reader.read_digits, None)

    pooled(test)


def test_a_pool_that_is_closed_leaves_no_process() -> None:
    async def test(pool: ReaderPool) -> None:
        await pool.ask(Reader.read, drawing())
        template, reader = pool._template.process, numbers(pool)
        pool.close()
        assert await asyncio.to_thread(template.wait, 30) == 0
        wait_for_the_end(reader)
        pool.close()

    pooled(test)


def test_who_goes_away_ends_the_work_and_leaves_the_place_to_others() -> None:
    async def test(pool: ReaderPool) -> None:
        await pool.ask(Reader.read, drawing())
        before = numbers(pool)
        waiting = asyncio.create_task(pool.ask(wait, 1000))
        await asyncio.sleep(0)
        waiting.cancel()
        assert (await pool.ask(Reader.read, drawing())).networks["standard"].text == "7"
        wait_for_the_end(before)

    pooled(test)


SERVER = """
import asyncio, sys
sys.path[:0] = sys.argv[1:]
import demo
from helpers_light import wait
from netlib.answer.pool import ReaderPool

async def serve():
    pool = ReaderPool({"standard": demo.STANDARD, "mobilenet": demo.MOBILENET}, 2, 1)
    await pool.start()
    work = asyncio.create_task(pool.ask(wait, 0.5))
    await asyncio.sleep(0)
    print(pool._template.process.pid, *(process.number for process in pool.processes), flush=True)
    await work
    await asyncio.sleep(1000)

asyncio.run(serve())
"""


def test_readers_whose_server_was_killed_end_by_themselves() -> None:
    tests = Path(__file__).parent
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tests), str(tests.parent)], stdout=subprocess.PIPE
    )
    with server:
        assert server.stdout is not None
        readers = list(map(int, server.stdout.readline().split()))
        assert len(readers) == 4 and all(map(runs, readers))  # one is at work
        server.kill()
    wait_for_the_end(readers)


def test_heavy_work_is_what_is_more_than_a_drawing(tmp_path: Path) -> None:
    large = png(Image.new("1", (3000, 3000)))
    (tmp_path / "large.png").write_bytes(large)
    assert is_heavy(large) and is_heavy(tmp_path / "large.png")
    assert is_heavy(bytes(DRAWING_BYTES + 1))
    small, two = drawing(), bytearray(large)
    two[8:8] = small[8:33]  # its header before the large one's, which counts
    assert is_heavy(bytes(two))
    assert not is_heavy(drawing()) and not is_heavy(b"no picture") and not is_heavy("nothing.png")


def test_a_full_server_says_so_and_drawings_do_not_wait_for_large_pictures(client, app) -> None:
    service = app.service
    with contextlib.ExitStack() as visitors:
        for number in range(DRAWINGS[0]):
            visitors.enter_context(service._drawings.admit(f"visitor {number}"))
        answer = client.post("/predict", content=drawing())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "too much to do" in told(answer)
    with service._large.admit("127.0.0.1"), service._large.admit("127.0.0.1"):
        answer = client.post("/predict", content=bytes(DRAWING_BYTES + 1))
        assert (answer.status_code, "still being read" in told(answer)) == (503, True)
        assert client.post("/predict", content=drawing()).status_code == 200
    assert client.post("/predict", content=bytes(DRAWING_BYTES + 1)).status_code == 422


def test_a_visitor_has_one_batch_at_a_time(client, app) -> None:
    def status(session: str) -> tuple[int, str]:
        body = {"data": [[upload(client, drawing())]], "session_hash": session}
        answer = client.post("/gradio_api/run/predict_batch", json=body)
        return answer.status_code, answer.json().get("error", "")

    with app.service.batches.admit("one"):
        assert status("one") == (
            503,
            "Your last pictures are still being read: wait for their answers.",
        )
        assert status("two") == (200, "")
    assert status("one") == (200, "")


# --- Gradio's own endpoints ---------------------------------------------------------------------


def upload(client: httpx.Client, content: bytes, name: str = "7.png") -> dict[str, Any]:
    path = client.post("/gradio_api/upload", files={"files": (name, content)}).json()[0]
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize("endpoint", ["predict", "predict_batch"])
@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": []},
        {"data": [None]},
        {"data": ["seven.png"]},
        {"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]},
        {"data": [{"path": "http://127.0.0.1:1/x.png", "meta": {"_type": "gradio.FileData"}}]},
        {"data": [{}], "fn_index": 999},
        {"data": [{}], "batched": True},
        [],
    ],
    ids=json.dumps,
)
def test_a_mistake_at_gradios_endpoint_is_the_callers_and_told(client, endpoint, body) -> None:
    answer = client.post(f"/gradio_api/run/{endpoint}", json=body)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"].endswith(".")


def test_a_page_of_another_site_cannot_call_without_asking_first(client) -> None:
    body = json.dumps({"data": [upload(client, drawing())]}).encode()
    for kind in ("text/plain", "text/plain;application/json", "multipart/form-data", ""):
        headers = {"Content-Type": kind, "Origin": "https://elsewhere.example"}
        answer = client.post("/gradio_api/run/predict", content=body, headers=headers)
        assert (answer.status_code, "error" in answer.json()) == (400, True)
    asked = client.options(
        "/gradio_api/run/predict",
        headers={"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"},
    )
    assert "access-control-allow-origin" not in asked.headers
    assert client.post(
        "/gradio_api/run/predict", content=body, headers={"Content-Type": "application/json"}
    ).is_success


def test_what_gradio_stumbles_over_and_mistakes_in_the_queue_have_words(client) -> None:
    answer = client.post("/gradio_api/run/nothing", json={"data": []})
    assert answer.status_code == 400
    assert "/gradio_api/info" in answer.json()["error"]
    event = client.post("/gradio_api/call/predict", json={"data": ["seven.png"]}).json()["event_id"]
    text = client.get(f"/gradio_api/call/predict/{event}").text
    assert "event: error" in text
    assert "null" not in text


def test_a_bad_picture_at_gradios_endpoint_is_422_and_a_full_server_503(
    client, app, monkeypatch
) -> None:
    bad = client.post("/gradio_api/run/predict", json={"data": [upload(client, b"no picture")]})
    assert (bad.status_code, "is no picture" in bad.json()["error"]) == (422, True)
    monkeypatch.setattr(app.service, "_drawings", Turnstile(0, 0))
    full = client.post("/gradio_api/run/predict", json={"data": [upload(client, drawing())]})
    assert (full.status_code, full.headers["retry-after"]) == (503, "1")


# --- Uploads ------------------------------------------------------------------------------------


def test_uploads_are_removed_with_their_folders_and_one_in_use_is_not(client, app) -> None:
    old, used = upload(client, b"old", "old.png"), upload(client, drawing())
    for file in (old, used):
        os.utime(file["path"], (0, 0))
    client.post("/gradio_api/run/predict", json={"data": [used]})
    uploads.remove_old(app, uploads.SECONDS)
    assert not Path(old["path"]).exists()
    assert Path(used["path"]).exists()
    os.utime(Path(old["path"]).parent, (0, 0))
    uploads.remove_old(app, uploads.SECONDS)
    assert not Path(old["path"]).parent.exists()
    assert all(old["path"] not in known for known in app.temp_file_sets)
    gone = client.post("/gradio_api/run/predict", json={"data": [old]})
    assert (gone.status_code, "send it again" in gone.json()["error"]) == (422, True)


def test_a_call_leaves_no_file_but_the_upload(client, app) -> None:
    file = upload(client, drawing())
    client.post("/gradio_api/run/predict", json={"data": [file]})
    client.post("/gradio_api/run/predict_batch", json={"data": [[file]]})
    uploads.remove_old(app, -1)
    assert not list(Path(get_upload_folder()).glob("*"))


def test_a_dead_processs_uploads_are_removed_at_the_next_start(tmp_path, monkeypatch) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    (tmp_path / f"{uploads.PREFIX}{dead.pid}-abc").mkdir()
    (tmp_path / f"{uploads.PREFIX}{os.getpid()}-abc").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(atexit, "register", lambda *_, **__: None)
    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    uploads.own_folder()
    left = {path.name.split("-")[1] for path in tmp_path.iterdir()}
    assert left == {str(os.getpid())}
    assert Path(get_upload_folder()).parent == tmp_path


def test_openapi_describes_the_route(client) -> None:
    api = client.get("/openapi.json").json()
    assert api["info"]["version"] == __version__
    described = api["paths"]["/predict"]["post"]
    assert {"application/octet-stream", "multipart/form-data"} <= set(
        described["requestBody"]["content"]
    )
    assert {"200", "400", "403", "413", "422", "503"} <= set(described["responses"])
