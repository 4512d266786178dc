"""The public endpoints `predict` and `predict_batch`: files in, JSON out."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from netlib.answer.reading import NetworkReading, Reading
from netlib.app.batch import Row, read_batch
from netlib.app.service import Service, friendly, visitor
from netlib.app.uploads import paths
from netlib.errors import UserError


def add_endpoints(service: Service) -> None:
    """Add the endpoints to the Blocks that are being built; nothing of them is seen."""

    @friendly
    async def predict(image: Any, request: gr.Request | None = None) -> dict[str, Any]:
        """Read one picture of a handwritten digit, or of a number, with every network.

        Args:
            image: the picture, as a file or its address; PNG, JPEG, WebP, AVIF, BMP, GIF or TIFF.
            request: who asks; Gradio gives it.

        Returns:
            blank, agree, boxes, and for each network prediction ("?" for what looks like no
            digit), confidence, probabilities, classes and digits.
        """
        found = paths(image)
        if len(found) != 1:
            raise UserError(f"There are {len(found)} pictures: send one as `image`.")
        reading = await service.read(found[0], visitor(request))
        return to_json(reading, service.reader.names)

    @friendly
    def predict_batch(files: Any, request: gr.Request | None = None) -> list[dict[str, Any]]:
        """Read many pictures with every network, those that disagree most first.

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
        with service.batches.admit(visitor(request)):
            rows = read_batch(service.patient, found)
        return [row_to_json(row, service.reader.names) for row in rows]

    with gr.Row(visible=False):
        image = gr.File(label="image")
        files = gr.File(file_count="multiple", label="files")
        answer = gr.JSON(label="answer")
        one, many = gr.Button(), gr.Button()
    one.click(predict, image, answer, api_name="predict", preprocess=False)
    many.click(predict_batch, files, answer, api_name="predict_batch", preprocess=False)


def to_json(reading: Reading, names: Sequence[str]) -> dict[str, Any]:
    """What the networks read, as JSON can hold it.

    Args:
        reading: of one picture.
        names: of the networks, answered for even if the picture is blank.

    Returns:
        blank, agree, boxes ([left, top, right, bottom] of each digit), and for each network
        prediction ("7", "42", "?" for what does not look like a digit, "" if blank), confidence,
        probabilities (one for each class if there is one digit, otherwise None), classes (their
        names), is_digit, and the same for each digit in digits.
    """
    networks = {name: _network_json(reading.networks.get(name)) for name in names}
    boxes = [list(box) for box in reading.boxes]
    return {"blank": reading.is_blank, "agree": reading.agree, "boxes": boxes, **networks}


def _network_json(network: NetworkReading | None) -> dict[str, Any]:
    if network is None:
        return {
            "prediction": "",
            "confidence": None,
            "probabilities": None,
            "classes": [],
            "is_digit": False,
            "digits": [],
        }
    digits = [
        {
            "prediction": text,
            "confidence": float(probabilities.max()),
            "probabilities": [float(p) for p in probabilities],
            "is_digit": bool(known),
        }
        for text, probabilities, known in zip(
            network.texts, network.probabilities, network.is_digit, strict=True
        )
    ]
    return {
        "prediction": network.text,
        "confidence": float(network.confidences.prod()),
        "probabilities": digits[0]["probabilities"] if len(digits) == 1 else None,
        "classes": list(network.class_names),
        "is_digit": bool(network.is_digit.all()),
        "digits": digits,
    }


def row_to_json(row: Row, names: Sequence[str]) -> dict[str, Any]:
    """One picture of a batch: its name, label, disagreement, and its answers or its error."""
    answers = {"error": row.error} if row.reading is None else to_json(row.reading, names)
    return {
        "image": row.name,
        "label": row.label,
        "disagreement": round(row.disagreement, 6),
        **answers,
    }
