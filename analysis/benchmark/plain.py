"""What ours is compared with: a plain training loop, written as tutorials do.

Images become tensors one by one, a `DataLoader` stacks them, and the network runs in the default
memory layout.
"""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class PilDigits(Dataset):
    """Digits as PIL images that a transform turns into tensors, one at a time.

    Args:
        images: uint8 (N, 28, 28).
        labels: (N,).
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels
        self.transform = transforms.ToTensor()

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index])
        return self.transform(image), int(self.labels[index])


def epoch(net: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer) -> None:
    """One pass of a plain training loop."""
    net.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
