"""A server like the demo whose `predict` does nothing: what Gradio itself costs, and no more.

Its plain route takes the same body as the demo's and returns as much JSON.

python analysis/benchmark/nothing.py --port PORT
"""

import os
import sys

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ANSWER = b'{"read": false, "filler": "' + b"." * 1400 + b'"}'  # as long as the demo's for a digit


async def predict(request: Request) -> Response:
    await request.body()
    return Response(ANSWER, media_type="application/json")


def build_page() -> gr.Blocks:
    """One endpoint of the demo's shape: a file in, JSON out."""
    with gr.Blocks(analytics_enabled=False) as page:
        image, answer, button = gr.File(label="image"), gr.JSON(label="answer"), gr.Button()
        button.click(lambda image: {"read": False}, image, answer, api_name="predict")
    return page.queue(max_size=64)


if __name__ == "__main__":
    routes = [Route("/predict", predict, methods=["POST"])]
    build_page().launch(server_port=int(sys.argv[-1]), ssr_mode=False, quiet=True,
                        app_kwargs={"routes": routes})  # fmt: skip
