"""The weights of a training as it stands, in the form in which others begin with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.batching.epoch_length import EpochLength
from trainers.inherit.relative import Relative
from trainers.inherit.weights_file import WeightsRecord
from trainers.training.relative import relative_of
from trainers.trial.run import TrialJob, training_job

if TYPE_CHECKING:
    from trainers.base.lineage import Lineage
    from trainers.data.dataset import LineDataset


def trained_weights(
    job: TrialJob, prepared: LineDataset, epochs: int, cer: float, lineage: Lineage | None
) -> tuple[Relative, WeightsRecord] | None:
    """Takes the network out of the checkpoint of a training, with the record of how it came about.

    The same training gives equal values, so that `write_weights` writes equal bytes.

    Args:
        job: the training; its checkpoint is in its folder.
        prepared: its dataset.
        epochs: that it has been trained for.
        cer: character error rate after them, 0 and up.
        lineage: what its network inherited; None if it began with random weights.

    Returns:
        None if there is no checkpoint of this training.
    """
    relative = relative_of(training_job(job, prepared))
    if relative is None:
        return None
    shown = epochs * EpochLength.of(job.recipe, len(prepared.training)).lines(len(prepared.training))
    before = (0, 0) if lineage is None else (lineage.epochs, lineage.lines)
    ancestors = () if lineage is None else tuple(each.as_dict() for each in lineage.ancestors)
    return relative, WeightsRecord(epochs=epochs + before[0], lines=shown + before[1], cer=cer, lineage=ancestors)
