"""Direct calls of Gradio's endpoints: straight to their functions, and mistakes have a status.

Gradio's own way to a function of the page looks every call up twice among all of its routes, hands
it to other threads and describes the page anew for each new session: 2 to 15 ms of the server's one
thread, for drawings that take it 0.3 ms otherwise.

Gradio answers 500 to every error of an endpoint that is called directly, and "null" in the place of
a text to every error that is not a `gr.Error`. What does not go: calls through its queue
(`/gradio_api/call`, `/gradio_api/queue`) are answered 200 before they are looked at, and their
events have no status; `show_error` gives those a text at least.
"""

import logging
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

import gradio as gr
import orjson
from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from gradio.block_function import BlockFunction
from gradio.data_classes import PredictBodyInternal
from gradio.route_utils import compile_gr_request, prepare_event_data
from gradio.routes import ORJSONResponse
from gradio.state_holder import SessionState
from gradio.utils import error_payload
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from netlib.app.route import Body
from netlib.app.service import BUSY, FAILED, MISTAKE

log = logging.getLogger(__name__)

RUN = "/gradio_api/run/"
MAX_CALL = 1_000_000  # bytes: the largest drawing, or the names of a thousand files
STATUS = {MISTAKE: 422, BUSY: 503, FAILED: 500}  # by the title of a `gr.Error`
UNCLEAR = (
    "The request is not what this address takes: /gradio_api/info describes the endpoints, and "
    "POST /predict takes a picture's bytes."
)
_direct = ContextVar("direct", default=False)


def is_direct() -> bool:
    """Whether the answer of the endpoint that runs goes straight to who asked."""
    return _direct.get()


class Direct:
    """Middleware that calls functions itself, and turns Gradio's 500 into what is meant."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._nobody: SessionState | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "/gradio_api/" not in scope["path"]:
            await self.app(scope, receive, send)
        elif RUN in scope["path"] and scope["method"] == "POST" and _is_open(scope["app"]):
            response = await self._call(Request(scope, receive))
            await response(scope, receive, send)
        else:
            await _explained(self.app, scope, receive, send)

    async def _call(self, request: Request) -> Response:
        # As FastAPI does: without asking first, a page of another site can send any other type.
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not kind.endswith("json"):
            return _answer({})
        try:
            with Body(request, MAX_CALL, f"The call is larger than {MAX_CALL:,} bytes.") as body:
                content = orjson.loads(await body.whole())
            fixed = {"request": request, "event_id": None, "batched": False}
            call = PredictBodyInternal(**{**content, **fixed})
        except HTTPException as error:
            return JSONResponse({"error": error.detail}, error.status_code, error.headers)
        except (TypeError, ValueError):  # no JSON, or not that of a call
            return _answer({})
        try:
            return ORJSONResponse(await self._output(request, call))
        except Exception as error:
            if not isinstance(error, gr.Error):
                log.warning("Gradio failed at a call of %s", request.url.path, exc_info=True)
            return _answer(error_payload(error, show_error=True))

    async def _output(self, request: Request, call: PredictBodyInternal) -> Mapping[str, Any]:
        """As `gradio.route_utils.call_process_api`, for functions that are no generators."""
        blocks = request.app.get_blocks()
        name = request.url.path.rpartition(RUN)[2].rstrip("/")
        for function in blocks.fns.values():
            if call.fn_index == function._id or (call.fn_index, function.api_name) == (None, name):
                break
        else:
            raise LookupError(f"There is no endpoint {name}, number {call.fn_index}.")
        state = self._state(request, function, call.session_hash)
        _direct.set(True)
        output = await blocks.process_api(
            function,
            call.data,
            state,
            compile_gr_request(call, function, None, request),
            session_hash=call.session_hash,
            event_data=prepare_event_data(state.blocks_config, call),
            simple_format=call.simple_format,
        )
        output.pop("iterator")
        return output

    def _state(
        self, request: Request, function: BlockFunction, session: str | None
    ) -> SessionState:
        """A visitor's session; what is public keeps nothing in one, so none is made for it."""
        if function.api_visibility == "public":
            self._nobody = self._nobody or SessionState(request.app.get_blocks())
            return self._nobody
        if session is None:
            return SessionState(request.app.get_blocks())
        return request.app.state_holder[session]


def _is_open(app: Any) -> bool:
    """Nobody has to log in."""
    return app.auth is None and app.auth_dependency is None


async def _explained(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
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
        await app(scope, receive, watched)
    except Exception:
        if sent:
            raise
        # Gradio looks names and numbers of endpoints up without asking whether there are such.
        log.warning("Gradio failed at a request to %s", scope["path"], exc_info=True)
        failed = True
    if failed:
        try:
            error = orjson.loads(body)
        except ValueError:
            error = {}
        await _answer(error)(scope, receive, send)


def _answer(error: Mapping[str, Any]) -> Response:
    """To an error as Gradio describes it."""
    status = STATUS.get(error.get("title", ""))
    if status is None:  # Gradio's own words are lines for a developer
        return JSONResponse({"error": UNCLEAR}, 400)
    headers = {"Retry-After": "1"} if status == 503 else None
    return JSONResponse(error, status, headers)


async def explain_validation(_: Request, error: Exception) -> JSONResponse:
    """The list of what does not fit, as a sentence."""
    assert isinstance(error, RequestValidationError)
    found = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
    return JSONResponse({"error": f"The request does not fit: {'; '.join(found)}."}, 422)
