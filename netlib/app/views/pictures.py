"""Arrays as small pictures inside the page: PNG data URLs and colour scales."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Anchors of matplotlib's "inferno", sampled at even steps: dark is low, bright is high.
_HEAT = np.array(
    [[0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21],
     [250, 193, 39], [252, 255, 164]], dtype=np.float32,
)  # fmt: skip
# Purple, white, green (ColorBrewer "PRGn"): against, neutral, for. Neither network's own colour.
_SIGNED = np.array(
    [[64, 0, 75], [118, 42, 131], [175, 141, 195], [247, 247, 247], [127, 191, 123],
     [27, 120, 55], [0, 68, 27]], dtype=np.float32,
)  # fmt: skip


def png_url(pixels: NDArray[np.uint8]) -> str:
    """Grey (H, W), colour (H, W, 3) or with alpha (H, W, 4), uint8, as a PNG data URL."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def encode(image: NDArray[np.floating]) -> str:
    """A picture (H, W) as base64 of little-endian float32."""
    return base64.b64encode(image.astype("<f4").tobytes()).decode("ascii")


def grey(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Values in [0, 1] as grey levels: 0 is black, 1 is white."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def ink_on_paper(ink: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Ink in [0, 1] as dark strokes on white paper."""
    return 255 - grey(ink)


def heat(values: NDArray[np.floating], limit: float) -> NDArray[np.uint8]:
    """Values in [0, limit], (H, W), as colours (H, W, 3) from dark to bright."""
    return _colour(values / max(limit, 1e-12), _HEAT)


def signed(values: NDArray[np.floating], limit: float) -> NDArray[np.uint8]:
    """Values in [-limit, limit], (H, W), as colours (H, W, 3): purple, white at 0, green."""
    return _colour(values / max(2 * limit, 1e-12) + 0.5, _SIGNED)


def _colour(shares: NDArray[np.floating], anchors: NDArray[np.float32]) -> NDArray[np.uint8]:
    at = np.clip(shares, 0, 1) * (len(anchors) - 1)
    low = np.minimum(at.astype(int), len(anchors) - 2)
    rest = (at - low)[..., None]
    return np.rint(anchors[low] * (1 - rest) + anchors[low + 1] * rest).astype(np.uint8)


def resize(pixels: NDArray[np.uint8], size: tuple[int, int], smooth: bool = True) -> NDArray:
    """Pixels scaled to `size` (width, height)."""
    method = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize(size, method))


def tile(pictures: list[NDArray[np.uint8]], columns: int, gap: int = 1) -> NDArray[np.uint8]:
    """Same-sized colour pictures (H, W, 3) as one (…, …, 4) of rows, transparent in between."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    across = min(columns, len(pictures))
    sheet = np.zeros((rows * (height + gap) - gap, across * (width + gap) - gap, 4), dtype=np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width, :3] = picture
        sheet[top : top + height, left : left + width, 3] = 255
    return sheet
