"""What Gradio's own routes answer to mistakes: a status that says whose it is, and a sentence.

Gradio answers 500 to every error of an endpoint that is called directly, and "null" in the place of
a text to every error that is not a `gr.Error`. What does not go: calls through its queue
(`/gradio_api/call`, `/gradio_api/queue`) are answered 200 before they are looked at, and their
events have no status; `show_error` gives those a text at least.
"""

import json
import logging

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from netlib.app.service import BUSY, FAILED, MISTAKE

log = logging.getLogger(__name__)

STATUS = {MISTAKE: 422, BUSY: 503, FAILED: 500}  # by the title of a `gr.Error`
UNCLEAR = (
    "The request is not what this address takes: /gradio_api/info describes the endpoints, and "
    "POST /predict takes a picture's bytes."
)


class Mistakes:
    """Middleware that turns Gradio's 500 into what is meant."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "/gradio_api/" not in scope["path"]:
            await self.app(scope, receive, send)
            return
        sent = failed = False
        body = b""

        async def watched(message: Message) -> None:
            nonlocal sent, failed, body
            if message["type"] == "http.response.start" and message["status"] == 500:
                failed = True
            elif failed:
                body += message.get("body", b"")
            else:
                sent = True
                await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            if sent:
                raise
            # Gradio looks names and numbers of endpoints up without asking whether there are such.
            log.warning("Gradio failed at a request to %s", scope["path"], exc_info=True)
            failed = True
        if failed:
            await _answer(body)(scope, receive, send)


def _answer(body: bytes) -> Response:
    try:
        error = json.loads(body)
    except ValueError:
        error = {}
    status = STATUS.get(error.get("title"))
    if status is None:  # Gradio's own words are lines for a developer
        return JSONResponse({"error": UNCLEAR}, 400)
    headers = {"Retry-After": "1"} if status == 503 else None
    return JSONResponse(error, status, headers)


async def explain_validation(_: Request, error: Exception) -> JSONResponse:
    """FastAPI's list of what does not fit, as a sentence."""
    assert isinstance(error, RequestValidationError)
    found = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
    return JSONResponse({"error": f"The request does not fit: {'; '.join(found)}."}, 422)
