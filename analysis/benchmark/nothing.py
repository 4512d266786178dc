"""A server like the demo whose `predict` does nothing: what Gradio itself costs.

python -m analysis.benchmark.nothing --port 8001 [--import-torch]
"""

import argparse
import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported

import gradio as gr


def build_page() -> gr.Blocks:
    """One endpoint of the demo's shape: a file in, JSON out."""
    with gr.Blocks(analytics_enabled=False) as page:
        image, answer, button = gr.File(label="image"), gr.JSON(label="answer"), gr.Button()
        button.click(do_nothing, image, answer, api_name="predict")
    page.queue(max_size=64)
    return page


def do_nothing(image: str) -> dict[str, bool]:
    """The least that an endpoint can do."""
    return {"read": False}


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--import-torch", action="store_true")
    args = parser.parse_args()
    if args.import_torch:
        import torch  # noqa: F401 - what any program with a network in it pays at its start
    build_page().launch(server_port=args.port, ssr_mode=False, quiet=True)


if __name__ == "__main__":
    main()
