"""`POST /predict`: a picture's bytes in, the JSON of the API's `predict` out, beside Gradio.

    curl --data-binary @seven.png http://127.0.0.1:7860/predict

Answers to mistakes are {"detail": "One sentence."}, with a status that says whose they are.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from fastapi import HTTPException
from fastapi.routing import APIRoute
from starlette.datastructures import Headers, UploadFile
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message

from netlib.answer.pool import BusyError
from netlib.app.service import Service, sentence
from netlib.app.views.reply import as_json
from netlib.errors import UserError
from netlib.picture.load import FORMAT_NAMES, MAX_BYTES, ImageError

MAX_BODY = MAX_BYTES + 10_000  # a multipart form has its headers beside the picture
MAX_HELD = 8 * MAX_BODY  # of all bodies that are being received, in bytes
BODY_SECONDS = 30.0
LOCAL = {"localhost", "127.0.0.1", "::1", "0.0.0.0"}
PICTURE = {"schema": {"type": "string", "format": "binary"}}
FORM = {
    "schema": {
        "type": "object",
        "required": ["image"],
        "properties": {"image": {"type": "string", "format": "binary"}},
    }
}
MISTAKES = {
    400: "There is no picture in the request.",
    403: "The request comes from a page of another site.",
    408: "The body took too long.",
    413: "The body is too large.",
    422: "The picture cannot be read.",
    503: "There is too much to do: try again after `Retry-After` seconds.",
}


class PlainRoute(APIRoute):
    """Described for OpenAPI, called without FastAPI's search for parameters."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return self.endpoint


def routes() -> list[APIRoute]:
    """The route, described for OpenAPI; the app's blocks hold a `Service`."""
    return [
        PlainRoute(
            "/predict",
            predict,
            methods=["POST"],
            summary="Read one picture of a handwritten digit or number with every network",
            description=f"The body is a picture ({FORMAT_NAMES}) of at most {MAX_BYTES:,} bytes, "
            "whatever its content type, or a multipart form with one file.",
            response_class=JSONResponse,
            responses={status: {"description": text} for status, text in MISTAKES.items()},
            openapi_extra={"requestBody": {"required": True, "content": {
                "application/octet-stream": PICTURE, "image/*": PICTURE,
                "multipart/form-data": FORM}}},
        )
    ]  # fmt: skip


async def predict(request: Request) -> Response:
    check_origin(request.headers)
    picture = await _picture(request)
    service: Service = request.app.get_blocks().service
    visitor = request.client.host if request.client else ""
    try:
        answer = await service.read(as_json, picture, visitor=visitor)
    except BusyError as error:
        raise busy(str(error)) from error
    except Exception as error:
        status = 422 if isinstance(error, ImageError | UserError) else 500
        raise HTTPException(status, sentence(error)) from error
    return Response(answer, media_type="application/json")


def check_origin(headers: Headers) -> None:
    """Refuse what a page of another site sends.

    As Gradio does, any local page may call a local server. Unlike it, a server with a name of its
    own answers only its own pages. Whoever sends no Origin is no page.
    """
    if "origin" not in headers:
        return
    origin = urlsplit(headers["origin"]).hostname
    named = (headers.get("host", ""), headers.get("x-forwarded-host", ""))
    hosts = {urlsplit(f"//{name}").hostname for name in named if name}
    if origin not in hosts and not (origin in LOCAL and hosts & LOCAL):
        raise refusal(403, "Pages of other sites are not answered: ask from a program.")


async def _picture(request: Request) -> bytes:
    """The picture in the body: the whole body, or the first file of a form."""
    limit = f"The picture file is larger than {MAX_BYTES:,} bytes; scale it down."
    with Body(request, MAX_BODY, limit) as body:
        picture = await body.whole(_file if _is_form(request.headers) else Request.body)
    if not picture:
        raise refusal(400, f"There is no picture: send one ({FORMAT_NAMES}) as the body.")
    if len(picture) > MAX_BYTES:
        raise refusal(413, limit)
    return picture


class Body:
    """A request's body while it arrives: within its own size, and all of them within theirs.

    The limit is in bytes; `told` is what is told to who sends more.
    """

    held = 0  # bytes, of all

    def __init__(self, request: Request, limit: int, told: str) -> None:
        self._request = request
        self._limit, self._told = limit, told
        self._size = 0
        if int(request.headers.get("content-length", 0)) > limit:
            raise refusal(413, told)

    def __enter__(self) -> "Body":
        return self

    def __exit__(self, *_: object) -> None:
        Body.held -= self._size

    async def whole(self, read: Callable[[Request], Awaitable[bytes]] = Request.body) -> bytes:
        """What `read` gets of it; HTTPException if it is too large, too slow, or cut short."""
        try:
            arrives = read(Request(self._request.scope, self._receive))
            return await asyncio.wait_for(arrives, BODY_SECONDS)
        except asyncio.TimeoutError:
            raise refusal(
                408, f"The body had not arrived after {BODY_SECONDS:g} seconds: send it again."
            ) from None
        except ClientDisconnect:
            raise refusal(400, "The body did not arrive: send it again.") from None

    async def _receive(self) -> Message:
        message = await self._request.receive()
        more = len(message.get("body", b""))
        self._size += more
        Body.held += more
        if self._size > self._limit:
            raise refusal(413, self._told)
        if Body.held > MAX_HELD:
            raise busy("Too many pictures are arriving: send yours again in a moment.")
        return message


def refusal(status: int, text: str) -> HTTPException:
    """An error for the one who asks; the connection closes, as more of a body may be under way."""
    return HTTPException(status, text, {"Connection": "close"})


def busy(text: str) -> HTTPException:
    """The error of a server that has too much to do."""
    return HTTPException(503, text, {"Connection": "close", "Retry-After": "1"})


def _is_form(headers: Headers) -> bool:
    kind = headers.get("content-type", "").lower()
    return kind.startswith("multipart/form-data") and "boundary=" in kind


async def _file(request: Request) -> bytes:
    async with request.form(max_files=1, max_fields=8) as form:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        return await files[0].read() if files else b""
