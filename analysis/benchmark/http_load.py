"""Calls of a Gradio endpoint over HTTP: many clients in one thread, as lean as can be."""

import asyncio
import http.client
import json
import time
import uuid
from dataclasses import dataclass

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Load:
    """What came of some seconds of calls: how many a second, and each call's seconds."""

    calls_per_second: float
    latencies: list[float]


def upload(port: int, name: str, content: bytes) -> str:
    """Put a file on the server; the path there, for `predict`."""
    boundary = uuid.uuid4().hex
    head = (
        f"--{boundary}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n"
        "Content-Type: image/png\r\n\r\n"
    )  # fmt: skip
    body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return json.loads(_exchange(port, "/gradio_api/upload", body, kind))[0]


def predict(port: int, path: str) -> object:
    """One call; what the endpoint answers.

    Raises:
        OSError: nobody listens, or the answer is not 200.
    """
    kind = {"Content-Type": "application/json"}
    answer = json.loads(_exchange(port, "/gradio_api/run/predict", _payload(path), kind))
    return answer["data"][0]


def load(port: int, path: str, clients: int, *, seconds: float = 1e9, calls: int = 10**9) -> Load:
    """`clients` that call one after the other, each at once after its answer, until either limit.

    Raises:
        OSError: an answer is not 200.
    """
    return asyncio.run(_load(port, path, clients, seconds, calls))


async def _load(port: int, path: str, clients: int, seconds: float, calls: int) -> Load:
    latencies: list[float] = []
    start = time.perf_counter()

    async def client() -> None:
        payload = _payload(path)
        request = (
            f"POST /gradio_api/run/predict HTTP/1.1\r\nHost: {HOST}:{port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
        ).encode() + payload
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            while time.perf_counter() - start < seconds and len(latencies) < calls:
                called = time.perf_counter()
                writer.write(request)
                await _answer(reader)
                latencies.append(time.perf_counter() - called)
        finally:
            writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return Load(len(latencies) / (time.perf_counter() - start), latencies)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    status = head.split(" ", 2)[1]
    lengths = [line[15:] for line in head.splitlines() if line.startswith("content-length:")]
    if not lengths:
        raise OSError(f"The server's answer has no length: {head.splitlines()[0]}.")
    body = await reader.readexactly(int(lengths[0]))
    if status != "200":
        raise OSError(f"The server answered {status}: {body[:200]!r}.")
    return body


def _payload(path: str) -> bytes:
    """The body of a call, in a session of its own, as all of Gradio's clients open one.

    Without a session, the server would describe all components of its page anew for each call.
    """
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    return json.dumps({"data": [file], "session_hash": uuid.uuid4().hex}).encode()


def _exchange(port: int, url: str, body: bytes, headers: dict[str, str]) -> bytes:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request("POST", url, body, headers)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(f"The server answered {answer.status}: {content[:200]!r}.")
    return content
