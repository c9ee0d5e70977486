"""Collating: batches hold whole, padded lines, for every way of loading them."""

import numpy as np
import pytest
import torch

from testing.striped_lines import InMemoryLines, striped_lines
from trainers.base.preprocess import canonical_width, to_input
from trainers.batching.batch_planner import BatchPlanner, PlannedBatch
from trainers.batching.collate import Collator, step_counts
from trainers.batching.device_dataset import DeviceDataset, dataset_bytes, fits_on
from trainers.data.charset import Charset

CPU = torch.device("cpu")


def labels_of(lines: InMemoryLines) -> list[list[int]]:
    charset = Charset(("a", "b", "c"))
    return [charset.encode(lines.text(i)) for i in range(len(lines))]


def test_a_line_is_fed_as_the_reader_sees_it() -> None:
    lines = striped_lines(5, 0, colour=True)
    shown = Collator(lines, labels_of(lines), np.arange(5), CPU).collate(PlannedBatch(((3,), (1,)), 96))
    expected = to_input([lines.image(3), lines.image(1)], 96)
    torch.testing.assert_close(shown.images, torch.from_numpy(expected))
    assert shown.widths.tolist() == [lines.widths[3], lines.widths[1]]
    assert shown.lengths.tolist() == [len(lines.text(3)), len(lines.text(1))]


def test_grey_lines_come_in_one_channel() -> None:
    lines = striped_lines(3, 0)
    assert Collator(lines, labels_of(lines), np.arange(3), CPU).collate(PlannedBatch(((0,), (2,)), 96)).images.shape[1] == 1


def test_joined_lines_lie_side_by_side_and_so_do_their_labels() -> None:
    lines = striped_lines(4, 0)
    shown = Collator(lines, labels_of(lines), np.arange(4), CPU).collate(PlannedBatch(((2, 0),), 160))
    both = np.concatenate([lines.image(2), lines.image(0)], axis=1)
    torch.testing.assert_close(shown.images, torch.from_numpy(to_input([both], 160)[:, :1]))
    assert shown.targets[0].tolist() == labels_of(lines)[2] + labels_of(lines)[0]


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("join_share", [0.0, 0.6])
def test_the_bank_shows_what_the_feed_shows(colour: bool, join_share: float) -> None:
    lines = striped_lines(40, 0, colour)
    kept = np.flatnonzero(np.arange(40) % 7 != 3)
    planner = BatchPlanner(lines.widths[kept], 32, 6, join_share)
    feed, bank = (kind(lines, labels_of(lines), kept, CPU) for kind in (Collator, DeviceDataset))
    for batch in planner.plan(np.random.default_rng(1)):
        a, b = feed.collate(batch), bank.collate(batch)
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.widths, b.widths)
        assert torch.equal(a.targets, b.targets)
        assert torch.equal(a.lengths, b.lengths)


def test_a_bank_is_for_gpus() -> None:
    lines = striped_lines(3, 0)
    assert dataset_bytes(lines, np.arange(3)) == 32 * int(lines.widths.sum())
    assert not fits_on(lines, np.arange(3), CPU)


def test_padding_of_a_wide_batch_gives_a_line_no_more_steps_than_the_reader_has() -> None:
    widths = [1, 31, 32, 33, 100, 300]
    for stride in (4, 8, 12):
        steps = step_counts(torch.tensor(widths), stride, 480)
        assert steps.tolist() == [min(canonical_width(w, stride), 480) // stride for w in widths]
