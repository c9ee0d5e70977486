"""BatchNorm statistics are recalibrated by lines, on training lines that choose nothing."""

import numpy as np
import torch
from numpy.typing import NDArray

from search_space.architecture import Architecture
from search_space.recognizer import build_recognizer
from testing.noise_lines import NoiseLines
from trainers.pruning.evaluation_sample import EvaluationSample
from trainers.pruning.prune import larger_evaluation_sample
from trainers.pruning.recalibrate import recalibrate


def test_recalibration_gives_back_statistics_that_were_lost() -> None:
    torch.manual_seed(0)
    recognizer = build_recognizer(Architecture(width_percent=25), 9).eval()
    lines = NoiseLines([""] * 24)
    recalibrate(recognizer, lines, 0)
    norm = recognizer.backbone.stem.bn  # type: ignore[union-attr]
    mean = norm.running_mean.clone()  # type: ignore[union-attr, operator]
    norm.running_mean.fill_(9.0)  # type: ignore[union-attr, operator]
    recalibrate(recognizer, lines, 0)
    torch.testing.assert_close(norm.running_mean, mean)
    assert not recognizer.training and norm.momentum == 0.1


class UnequalLines(NoiseLines):
    """Many narrow dark lines and a few bright wide ones, each of another width."""

    dark = 60

    def image(self, i: int) -> NDArray[np.uint8]:
        low, width_px = (10, 40) if i < self.dark else (180, 320 + 32 * (i - self.dark))
        return np.random.default_rng(i).integers(low, low + 50, (32, width_px, 3), dtype=np.uint8)


def test_recalibration_counts_every_value_once_however_lines_are_batched() -> None:
    torch.manual_seed(0)
    recognizer = build_recognizer(Architecture(width_percent=25), 9).eval()
    lines = UnequalLines([""] * 64)
    norm = recognizer.backbone.stem.bn
    assert isinstance(norm, torch.nn.BatchNorm2d)
    seen: list[torch.Tensor] = []
    watch = norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].transpose(0, 1).flatten(1).double()))
    recalibrate(recognizer, lines, 0)
    watch.remove()
    assert len(seen) == 5 and max(len(s[0]) for s in seen) > 4 * min(len(s[0]) for s in seen)
    assert norm.running_mean is not None and norm.running_var is not None
    variance, mean = torch.var_mean(torch.cat(seen, dim=1), dim=1)
    torch.testing.assert_close(norm.running_mean.double(), mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(norm.running_var.double(), variance, rtol=1e-5, atol=1e-6)
    by_batch = torch.stack([s.mean(dim=1) for s in seen]).mean(dim=0)
    assert (by_batch - mean).abs().max() > 0.1, "a plain average of the batches would be far off"


def test_lines_that_choose_a_cut_do_not_recalibrate_it() -> None:
    read, others = EvaluationSample(NoiseLines(["a"] * 40), "ab", read_lines=5)._parts
    assert read.chosen == [0, 10, 20, 29, 39] and sorted([*read.chosen, *others.chosen]) == list(range(40))
    half, rest = EvaluationSample(NoiseLines(["a"] * 7), "ab", read_lines=5)._parts
    assert (len(half), len(rest)) == (3, 4)
    alone, same = EvaluationSample(NoiseLines(["a"]), "ab")._parts
    assert alone.chosen == same.chosen == [0]


def test_a_final_cut_is_recalibrated_on_a_thirtieth_of_the_training_lines() -> None:
    def lines_of(training: int, sample: int) -> int:
        return larger_evaluation_sample(
            EvaluationSample(NoiseLines(["a"] * training), "ab", recalibration_lines=sample)
        ).recalibration_lines

    assert (lines_of(9000, 256), lines_of(600, 256), lines_of(600, 0)) == (300, 256, 0)
