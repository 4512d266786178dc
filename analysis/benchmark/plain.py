"""What ours is compared with: a plain training loop, and the well-known MNIST example.

Both are written from descriptions: images become tensors one by one, a `DataLoader` stacks them,
and the network runs in the default memory layout.
"""

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

# Mean and standard deviation of MNIST's training pixels, as the example subtracts and divides.
MEAN, STD = 0.1307, 0.3081
EXAMPLE_BATCH, EXAMPLE_EPOCHS = 64, 14


class PilDigits(Dataset):
    """Digits as PIL images that a transform turns into tensors, one at a time.

    Args:
        images: uint8 (N, 28, 28).
        labels: (N,).
        normalise: by `MEAN` and `STD`, as the example does.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray, normalise: bool = False) -> None:
        self.images, self.labels = images, labels
        steps = [transforms.ToTensor()]
        if normalise:
            steps.append(transforms.Normalize((MEAN,), (STD,)))
        self.transform = transforms.Compose(steps)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.images[index])
        return self.transform(image), int(self.labels[index])


class ExampleNetwork(nn.Module):
    """The network of PyTorch's MNIST example, from its published layer sizes.

    conv 3x3 1→32 → ReLU → conv 3x3 32→64 → ReLU → max-pool 2 → dropout 0.25 → FC 9216→128 → ReLU
    → dropout 0.5 → FC 128→10
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(64 * 12 * 12, 128),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(128, 10),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 28, 28) -> logits (N, 10)."""
        return self.layers(x)


def epoch(net: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer) -> None:
    """One pass of a plain training loop."""
    net.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()


def accuracy(net: nn.Module, dataset: Dataset) -> float:
    """Share of the images that `net` reads right."""
    net.eval()
    right = count = 0
    with torch.inference_mode():
        for images, labels in DataLoader(dataset, 1000):
            right += int((net(images).argmax(1) == labels).sum())
            count += len(labels)
    return right / count
