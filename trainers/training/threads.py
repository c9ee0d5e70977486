"""The number of CPU threads for a training, which is measured: on small batches a second thread makes steps slower.

Measured on two cores, mobilenetv3_small at 25 %, lines of 104 px: batches of 8 lines take 43 ms with one thread and 76 ms with
two; batches of 64 take 235 ms and 208 ms.
"""

from __future__ import annotations

import time
from contextlib import nullcontext

import torch

from search_space.architecture import Architecture
from search_space.recognizer import Recognizer, build_recognizer
from trainers.training.fast_gru import use_fast_gru

STEPS = 6
"""Steps measured for each number of threads; the fastest counts."""
WARM_UP_STEPS = 2
"""Steps before the measured ones, in which torch allocates memory and chooses its kernels."""
GAIN = 0.95
"""More threads are chosen only if a step takes less than this fraction of the time, so that noise does not choose them."""


def fastest_thread_count(
    architecture: Architecture, symbols: int, lines: int, width_px: int, most: int, as_in_loop: bool = True
) -> int:
    """Measures with how many threads a training step takes the least time.

    Args:
        architecture: the network that will be trained.
        symbols: number of characters in the charset.
        lines: lines in a batch.
        width_px: columns of a batch.
        most: the most threads that may be used, at least 1.
        as_in_loop: whether to step as `trainers.training.loop` does, in the channels-last memory format and with the fast GRU.

    Returns:
        1, a power of two below `most`, or `most`.
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
            if as_in_loop:
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            images = torch.zeros(lines, 3, architecture.height_px, width_px)
            targets, lengths = torch.ones(lines, 1, dtype=torch.long), torch.ones(lines, dtype=torch.long)
            for threads in [*tried, most]:
                torch.set_num_threads(threads)
                with use_fast_gru(network) if as_in_loop else nullcontext():
                    taken_s = _step_seconds(network, images, targets, lengths)
                if taken_s < GAIN * best_s:
                    best, best_s = threads, taken_s
    finally:
        torch.set_num_threads(before)
    return best


def _step_seconds(network: Recognizer, images: torch.Tensor, targets: torch.Tensor, lengths: torch.Tensor) -> float:
    """Seconds of the fastest of a few steps."""
    taken = []
    for _ in range(WARM_UP_STEPS + STEPS):
        started = time.perf_counter()
        torch.autograd.backward(network.losses(images, targets, lengths).mean())
        taken.append(time.perf_counter() - started)
    return min(taken[WARM_UP_STEPS:])
