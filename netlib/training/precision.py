"""Which precision a network trains in where nobody says: bfloat16 where a trial finds it faster."""

import copy
import time
from collections.abc import Callable
from functools import partial

import torch

from netlib.nets.complexity import measure
from netlib.nets.network import Network
from netlib.training.config import Precision

# Names of the units in `torch.cpu.get_capabilities`; without one, bfloat16 is ten times slower.
UNITS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
MIN_MACS = 2_000_000  # of an image: below, converting costs more than it saves
WORTH_IT = 0.8  # of float32's time; depthwise convolutions take 1.5 times it, standard ones 0.6
TRIAL_IMAGES = 32


def choose_precision(net: Network, device: torch.device) -> Precision:
    """`bfloat16` where `device` has units for it and a step takes clearly less time, or `float32`.

    The trial is one batch through a copy of `net`, which lies on `device`. On a processor it counts
    processor time on one thread: other programs do not sway it.
    """
    if not has_units(device) or measure(net).macs < MIN_MACS:
        return "float32"
    threads = torch.get_num_threads()
    trial = copy.deepcopy(net).train()
    images = torch.full((TRIAL_IMAGES, *net.input_dim), 0.5, device=device)
    images = images.contiguous(memory_format=torch.channels_last)
    try:
        if device.type == "cpu":
            torch.set_num_threads(1)
        full, half = (_shortest(partial(_step, trial, images, h), device) for h in (False, True))
    finally:
        torch.set_num_threads(threads)
    return "bfloat16" if half < WORTH_IT * full else "float32"


def has_units(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 by itself."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return device.type == "cpu" and any(found.get(unit) for unit in UNITS)


def _step(net: Network, images: torch.Tensor, half: bool) -> None:
    with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=half):
        logits = net(images)
    logits.float().logsumexp(1).mean().backward()


def _shortest(step: Callable[[], None], device: torch.device) -> float:
    """Seconds of the shorter of two steps, after one that does not count."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    times = []
    for _ in range(3):
        started = clock()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(clock() - started)
    return min(times[1:])
