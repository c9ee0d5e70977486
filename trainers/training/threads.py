"""How many threads a training should use: on small batches a second one costs more than it brings.

Measured on two cores, mobilenetv3_small at 25 %, lines of 104 px: batches of 8 lines take 43 ms with one thread and 76 ms with
two; batches of 64 take 235 ms and 208 ms.
"""

from __future__ import annotations

import time
from contextlib import nullcontext

import torch

from search_space.architecture import Architecture
from search_space.recognizer import Recognizer, build_recognizer
from trainers.training.fast_gru import quick_recurrence

STEPS = 6
WARM_UP_STEPS = 2
GAIN = 0.95
"""More threads are taken when a step then takes at most this share of the time."""


def quickest_threads(architecture: Architecture, symbols: int, lines: int, width_px: int, most: int, quick: bool = True) -> int:
    """The number of threads with which a training step takes the least time: 1, `most`, or a power of two between.

    Args:
        architecture: what will be trained.
        symbols: characters in the charset.
        lines: in a batch.
        width_px: of a batch.
        most: threads that may be used, 1 and up.
        quick: whether it will be trained as `trainers.training.loop` does: channels last, and the quick recurrence.
    """
    tried, count = [], 1
    while count < most:
        tried.append(count)
        count *= 2
    before = torch.get_num_threads()
    best, best_s = 1, float("inf")
    try:
        with torch.random.fork_rng(devices=[]):
            network = build_recognizer(architecture, symbols)
            if quick:
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            images = torch.zeros(lines, 3, architecture.height_px, width_px)
            targets, lengths = torch.ones(lines, 1, dtype=torch.long), torch.ones(lines, dtype=torch.long)
            for threads in [*tried, most]:
                torch.set_num_threads(threads)
                with quick_recurrence(network) if quick else nullcontext():
                    taken_s = _step_seconds(network, images, targets, lengths)
                if taken_s < GAIN * best_s:
                    best, best_s = threads, taken_s
    finally:
        torch.set_num_threads(before)
    return best


def _step_seconds(network: Recognizer, images: torch.Tensor, targets: torch.Tensor, lengths: torch.Tensor) -> float:
    """The quickest of a few steps, in seconds."""
    taken = []
    for _ in range(WARM_UP_STEPS + STEPS):
        started = time.perf_counter()
        torch.autograd.backward(network.losses(images, targets, lengths).mean())
        taken.append(time.perf_counter() - started)
    return min(taken[WARM_UP_STEPS:])
