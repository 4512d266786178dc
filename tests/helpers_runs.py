"""Networks and kept runs without training: folders as `analysis.sweep --keep` leaves them."""

from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from netlib.data.dataset import DigitDataset
from netlib.nets.checkpoint import save_network
from netlib.nets.network import Network, init_network

Module = TypeVar("Module", bound=torch.nn.Module)

BLOCKS = {"standard": (4, 0), "mobilenet": (2, 2)}
COLUMNS = (
    "epoch learning_rate train_loss train_accuracy validation_loss validation_accuracy seconds"
)
HISTORY = f"""{COLUMNS.replace(" ", ",")}
1,0.1,2.5,0.25,2.25,0.5,1.5
2,0.0,1.5,0.75,1.25,0.625,1.5
"""


def tiny(seed: int = 0, input_dim: tuple[int, int, int] = (1, 8, 8)) -> Network:
    """3 classes, one standard block of 8 channels, one separable block of 16."""
    torch.manual_seed(seed)
    return init_network(1, 1, input_dim, 3, width=0.25)


def same_weights(a: Network, b: Network) -> bool:
    """Whether weights and running statistics are the same bits."""
    theirs = b.state_dict()
    return all(torch.equal(t, theirs[name]) for name, t in a.state_dict().items())


def trained(net: Module, seed: int = 0) -> Module:
    """`net` with batch norm statistics and parameters as training leaves them, not neutral ones."""
    generator = torch.Generator().manual_seed(seed)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.2, generator=generator)
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return net.eval()


def sure(labels: np.ndarray, wrong: int = 0) -> np.ndarray:
    """Logits (N, 10) that say the label with odds of 9 to 1, but the next class for the first few.

    Odds are against all other classes together: e^z = 81 for one class, 1 for nine.
    """
    said = np.where(np.arange(len(labels)) < wrong, (labels + 1) % 10, labels)
    return np.log(81) * np.eye(10)[said]


def keep_pairs(folder: Path, dataset: Path, *seeds: int) -> Path:
    """Both networks of every seed, with right answers, below a folder."""
    for seed in seeds:
        for network in BLOCKS:
            keep_run(folder, network, seed, dataset)
    return folder


def keep_run(
    folder: Path, network: str, seed: int, dataset: Path, logits: np.ndarray | None = None
) -> Path:
    """Write a run's three files: fresh weights, an invented history, the given test logits.

    One tenth of the training images are for validation; the validation logits are `sure`.
    """
    test = DigitDataset(dataset, "test")
    torch.manual_seed(seed)
    net = init_network(*BLOCKS[network], test.input_dim, 10)
    settings = {
        "network": network,
        "config": {"seed": seed},
        "resolution": 28,
        "train_size": 0,
        "validation_size": 0.1,
    }
    run = folder / f"{network}-{seed}"
    save_network(net, run / "network.safetensors", {"run": settings, "temperature": 1.0})
    (run / "history.csv").write_text(HISTORY, encoding="utf-8")
    labels = test.labels.numpy()
    validation_labels = np.arange(50) % 10
    np.savez(
        run / "predictions.npz",
        labels=labels,
        names=np.array(test.names),
        logits=sure(labels) if logits is None else logits,
        embeddings=np.random.default_rng(seed).normal(size=(len(labels), 256)).astype(np.float32),
        validation_labels=validation_labels,
        validation_logits=sure(validation_labels, wrong=5),
    )
    return run
