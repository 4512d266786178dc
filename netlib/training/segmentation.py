"""Training of the ink finder: pictures and what was written in them in, weights out."""

import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from netlib.files import replacing
from netlib.nets.ink_net import InkNet
from netlib.training.precision import has_units

BATCH = 16
LEARNING_RATE, WARM_UP, WEIGHT_DECAY, DECAY = 3e-3, 200, 1e-3, 0.998
# Parts of pictures, (H, W) px, some of them as slim as a line of digits, and pictures reduced to
# so many px; with these chances, else the whole.
PARTS = ((64, 256), (96, 256), (128, 256), (160, 224), (192, 192), (224, 224))
REDUCED = (160, 192)
PART, REDUCE, INVERT = 0.4, 0.15, 0.08
CROSS_ENTROPY = 4.0  # its weight beside the overlap's
SMOOTH = 20.0  # px: pictures in which nothing is written have an overlap, too
STATE_STEPS = 500  # after so many its state is written


def train_ink(
    pictures: np.ndarray,
    written: np.ndarray,
    steps: int,
    seed: int = 0,
    state: str | os.PathLike[str] | None = None,
) -> InkNet:
    """Train a finder: its weights are the exponential moving average of its last steps.

    Args:
        pictures: (N, H, W) uint8.
        written: (N, H, W) uint8, how much of each pixel was written by hand.
        steps: how many batches.
        seed: of weights, order and changes.
        state: file that holds the state of an unfinished training, which goes on from there.
    """
    torch.manual_seed(seed)
    net = InkNet().to(memory_format=torch.channels_last)
    mean = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(DECAY), use_buffers=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    begun = _loaded(state, net, mean, optimizer)
    for step in tqdm(range(begun, steps), initial=begun, total=steps, desc="steps"):
        rng = np.random.default_rng([seed, step])
        share = step / steps
        rate = LEARNING_RATE * min(1, step / WARM_UP) * (0.5 + 0.5 * np.cos(np.pi * share))
        for group in optimizer.param_groups:
            group["lr"] = float(rate)
        chosen = np.sort(rng.choice(len(pictures), BATCH, replace=len(pictures) < BATCH))
        seen, ink = _changed(rng, *(torch.from_numpy(a[chosen]) for a in (pictures, written)))
        with torch.autocast("cpu", torch.bfloat16, enabled=has_units(torch.device("cpu"))):
            logits = net(seen)
        optimizer.zero_grad()
        loss(logits.float(), ink).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        mean.update_parameters(net)
        if state is not None and (step + 1) % STATE_STEPS == 0:
            with replacing(Path(state)) as path:
                parts = net.state_dict(), mean.state_dict(), optimizer.state_dict()
                torch.save((step + 1, *parts), path)
    net.load_state_dict(mean.module.state_dict())
    return net.eval()


def _loaded(
    state: str | os.PathLike[str] | None,
    net: InkNet,
    mean: AveragedModel,
    optimizer: torch.optim.Optimizer,
) -> int:
    """How many steps were done; their state is put into the three."""
    if state is None or not Path(state).exists():
        return 0
    begun, *parts = torch.load(state)
    net.load_state_dict(parts[0])
    mean.load_state_dict(parts[1])
    optimizer.load_state_dict(parts[2])
    return begun


def loss(logits: Tensor, ink: Tensor) -> Tensor:
    """Cross entropy of pixels, and the Dice loss of pictures (Milletari et al. 2016).

    Both (N, 1, H, W), `ink` in [0, 1].
    """
    shares = logits.sigmoid()
    each = (1, 2, 3)
    overlap = 2 * (shares * ink).sum(each) + SMOOTH
    dice = 1 - overlap / (shares.square().sum(each) + ink.square().sum(each) + SMOOTH)
    return CROSS_ENTROPY * F.binary_cross_entropy_with_logits(logits, ink) + dice.mean()


def _changed(rng: np.random.Generator, pictures: Tensor, ink: Tensor) -> tuple[Tensor, Tensor]:
    """A batch (N, H, W) uint8 -> (N, 1, H', W') in [0, 1]: turned, mirrored, cut, reduced."""
    both = torch.stack([pictures, ink]).float() / 255
    ways = rng.random(3) < 0.5
    both = both.flip([axis for axis, way in zip((2, 3), ways, strict=False) if way])
    both = both.transpose(2, 3) if ways[2] else both
    chance = rng.random()
    if chance < PART:
        height, width = PARTS[int(rng.integers(len(PARTS)))]
        top, left = (int(rng.integers(both.shape[-1] - side + 1)) for side in (height, width))
        both = both[..., top : top + height, left : left + width]
    elif chance < PART + REDUCE:
        side = REDUCED[int(rng.integers(len(REDUCED)))]
        both = F.interpolate(both, (side, side), mode="area")
    seen, ink = both[:, :, None]
    seen = 1 - seen if rng.random() < INVERT else seen
    return seen.contiguous(memory_format=torch.channels_last), ink
