"""The running app as programs meet it: the plain route, its limits, and what strangers send."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from helpers_light import drawing

import demo
from netlib.app import route
from netlib.app.page import launch_options


@pytest.fixture(scope="module")
def app() -> Any:
    return demo.build_demo()


@pytest.fixture(scope="module")
def client(app: Any, free_port: Callable[[], int]) -> Iterator[httpx.Client]:
    port = free_port()
    app.launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True,
               **launch_options())  # fmt: skip
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        yield client
    app.close(verbose=False)


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


def test_a_form_with_a_file_is_read_and_one_without_told(client) -> None:
    answer = client.post("/predict", files={"anything": ("7.png", drawing(), "image/png")})
    assert answer.json()["mobilenet"]["prediction"] == "7"
    empty = client.post("/predict", files={"anything": (None, b"seven")})
    assert (empty.status_code, told(empty)[:19]) == (400, "There is no picture")


def test_the_route_answers_as_gradios_own_endpoint(client) -> None:
    plain = client.post("/predict", content=drawing()).json()
    path = client.post("/gradio_api/upload", files={"files": ("7.png", drawing())}).json()[0]
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    answer = client.post("/gradio_api/run/predict", json={"data": [file]}).json()
    assert answer["data"] == [plain]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"", 400, "There is no picture"),
        (b"no picture", 422, "is no picture"),
        (drawing()[:60], 422, "damaged"),
        (bytes(route.MAX_BODY + 1), 413, "larger than"),
        (iter([bytes(1_000_000)] * 30), 413, "larger than"),  # no length is told beforehand
    ],
)
def test_a_mistake_gets_a_status_and_a_sentence(client, body, status: int, text: str) -> None:
    answer = client.post("/predict", content=body)
    assert answer.status_code == status
    assert text in told(answer)


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


def test_openapi_describes_the_route(client) -> None:
    described = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    assert {"application/octet-stream", "multipart/form-data"} <= set(
        described["requestBody"]["content"]
    )
    assert {"200", "400", "403", "413", "422", "503"} <= set(described["responses"])
