"""Validation digits as one network sees them, kept beside its checkpoint: `held_NAME.npz`.

They show what a change of the last layer costs elsewhere. `analysis.build.hold_back` makes them.
Embeddings are kept as 256 steps of each feature, which halves the file beside float16: the logits
of the shipped networks move by up to 0.03, and none of 1,000 answers changes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

STEPS = 255


@dataclass(frozen=True, eq=False)
class HeldBack:
    """N validation digits."""

    embeddings: NDArray[np.float32]  # (N, D)
    labels: NDArray[np.int64]  # (N,)

    @classmethod
    def load(cls, path: Path, weights: str) -> "HeldBack":
        """Read those of the network whose weights have this digest, see `saved.arrays_digest`.

        Raises:
            ValueError: one sentence: there is no such file, it is another network's, or damaged.
        """
        again = "python -m analysis.build.hold_back makes it"
        if not path.exists():
            raise ValueError(f"There is no {path.name} beside the checkpoint; {again}.")
        try:
            with np.load(path, allow_pickle=False) as file:
                known, labels = str(file["weights"]), file["labels"].astype(np.int64)
                embeddings = file["steps"].astype(np.float32) * file["step"].astype(np.float32)
        except Exception as error:  # numpy and zipfile raise many kinds on a damaged file
            raise ValueError(f"{path.name} is damaged; {again} anew.") from error
        if known != weights:
            raise ValueError(f"{path.name} was made with other weights; {again} anew.")
        return cls(embeddings, labels)


def pack(embeddings: ArrayLike, labels: ArrayLike, weights: str) -> dict[str, NDArray]:
    """The arrays of a file that `HeldBack.load` reads: embeddings (N, D), none negative."""
    values = np.asarray(embeddings, np.float32)
    step = np.maximum(values.max(0) / STEPS, 1e-12).astype(np.float32)
    return {
        "steps": np.rint(values / step).astype(np.uint8),
        "step": step,
        "labels": np.asarray(labels, np.uint8),
        "weights": np.array(weights),
    }
