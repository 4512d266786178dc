"""The public endpoints `predict` and `predict_batch`: files in, JSON out."""

from functools import partial
from typing import Any

import gradio as gr
import orjson

from netlib.app.batch import read_batch, rows_json
from netlib.app.direct import is_direct
from netlib.app.service import Service, friendly, visitor
from netlib.app.uploads import paths
from netlib.app.views.reply import as_json
from netlib.errors import UserError

# The server has it at /seven.png. In a client's words, as `handle_file` needs the file to be here.
EXAMPLE = {"path": "seven.png", "url": "seven.png", "meta": {"_type": "gradio.FileData"}}


def add_endpoints(service: Service) -> None:
    """Add the endpoints to the Blocks that are being built; nothing of them is seen."""

    @friendly
    async def predict(image: Any, request: gr.Request | None = None) -> Any:
        """Read one picture of a handwritten digit, or of a number, with every network.

        Args:
            image: the picture, as a file or its address; PNG, JPEG, WebP, AVIF, BMP, GIF or TIFF;
                of several frames or pages the first is read.
            request: who asks; Gradio gives it.

        Returns:
            blank, agree, boxes, and for each network prediction ("?" for what looks like no
            digit), confidence, probabilities, classes and digits.
        """
        found = paths(image)
        if len(found) != 1:
            raise UserError(f"There are {len(found)} pictures: send one as `image`.")
        return as_output(await service.read(as_json, found[0], visitor=visitor(request)))

    @friendly
    async def predict_batch(files: Any, request: gr.Request | None = None) -> Any:
        """Read many pictures with every network, those first that they read differently.

        Args:
            files: pictures, zips of pictures, and CSVs of image names and labels.
            request: who asks; Gradio gives it.

        Returns:
            For each picture image (its name), label, disagreement, and what predict gives, or the
            error for which it could not be read.
        """
        found = paths(files)
        if not found:
            raise UserError("There is no picture: send a list of files as `files`.")
        show = partial(rows_json, names=service.reader.names)
        with service.batches.admit(visitor(request)):
            return as_output(await read_batch(partial(service.ask, heavy=True), found, show))

    with gr.Row(visible=False):
        image = gr.File(label="image")
        files = gr.File(file_count="multiple", label="files")
        describe(image, EXAMPLE, "A picture; the server has one to try at /seven.png.")
        describe(files, [EXAMPLE], "Pictures, zips of pictures, and CSVs of names and labels.")
        answer = gr.JSON(label="answer")
        one, many = gr.Button(), gr.Button()
    as_it_comes: dict[str, Any] = {"preprocess": False, "postprocess": False}
    one.click(predict, image, answer, api_name="predict", **as_it_comes)
    many.click(predict_batch, files, answer, api_name="predict_batch", **as_it_comes)


def describe(field: gr.File, example: Any, text: str) -> None:
    """Say what goes into a field, where Gradio would say what a file is."""
    info = {**field.api_info(), "additional_description": text}
    vars(field).update(example_payload=lambda: example, api_info=lambda: info)


def as_output(answer: bytes) -> Any:
    """JSON for Gradio: as text where it only passes it on, so that it need not walk through it."""
    return orjson.Fragment(answer) if is_direct() else orjson.loads(answer)
