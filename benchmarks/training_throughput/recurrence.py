"""Compares training steps with the fast GRU and with torch's GRU, in processor time on one thread.

    python -m benchmarks.training_throughput.recurrence --lines 12

The two take turns, five times for each size of the GRU; the ratio is the median of torch's time divided by ours. Each size is
measured twice: a whole training step of mobilenetv3_small (40 time steps), and the GRU alone, forward and
backward.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import nn

from search_space import Architecture
from trainers.base.recipe import find_recipe
from trainers.training.fast_gru import use_fast_gru
from trainers.training.learner import Learner

PAIRS = 5
STEPS, SYMBOLS, LABEL = 40, 80, 12


def main() -> None:
    """Reads the command line, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=64, help="lines in a batch")
    parser.add_argument("--width", type=int, default=25, help="width_percent of the model")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for hidden in (48, 96):
        for layers in (1, 2):
            _measure(
                Architecture(width_percent=args.width, encoder="gru", encoder_hidden=hidden, encoder_layers=layers), args.lines
            )


def _measure(architecture: Architecture, lines: int) -> None:
    learner = Learner(architecture, SYMBOLS, find_recipe("paretext"), 0, torch.device("cpu"))
    network = learner.recognizer.train()
    images = torch.randn(lines, 3, architecture.height_px, STEPS * architecture.time_stride)
    targets, lengths = torch.randint(1, SYMBOLS + 1, (lines, LABEL)), torch.full((lines,), LABEL)
    gru = next(module for module in network.modules() if isinstance(module, nn.GRU))
    columns = torch.randn(lines, STEPS, gru.input_size, requires_grad=True)

    def whole() -> None:
        learner.step(network.losses(images, targets, lengths).mean(), 1e-3)

    def alone() -> None:
        torch.autograd.backward(gru(columns)[0].sum())

    for name, step in (("whole step", whole), ("GRU alone", alone)):
        torchs, ours = _take_turns(network, step)
        ratio = statistics.median(a / b for a, b in zip(torchs, ours, strict=True))
        print(
            f"{architecture.encoder_hidden} x {architecture.encoder_layers}, {lines} lines, {name}: torch "
            f"{statistics.median(torchs):.1f} ms, fast {statistics.median(ours):.1f} ms, ratio {ratio:.2f}"
        )


def _take_turns(network: nn.Module, step: Callable[[], None]) -> tuple[list[float], list[float]]:
    """Milliseconds per step with torch's GRU and with the fast one."""
    torchs, ours = [], []
    for turn in range(PAIRS + 1):
        with use_fast_gru(network):
            fast_ms = _milliseconds(step)
        torch_ms = _milliseconds(step)
        if turn:  # the first turn warms up
            torchs.append(torch_ms)
            ours.append(fast_ms)
    return torchs, ours


def _milliseconds(step: Callable[[], None], times: int = 8) -> float:
    started = time.thread_time()
    for _ in range(times):
        step()
    return (time.thread_time() - started) * 1000 / times


if __name__ == "__main__":
    main()
