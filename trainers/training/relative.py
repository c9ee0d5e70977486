"""Takes the network of a training, finished or not, as one that others may inherit from."""

from __future__ import annotations

import torch

from trainers.inherit.relative import Relative
from trainers.training.checkpoint import load_checkpoint
from trainers.training.job import TrainingJob
from trainers.training.learner import Learner


def relative_of(job: TrainingJob) -> Relative | None:
    """The network that the checkpoint of a training holds, with the averaged weights where the recipe keeps an average.

    Args:
        job: the training; its folder holds the checkpoint.

    Returns:
        None if there is no checkpoint of this training.
    """
    checkpoint = load_checkpoint(job.folder, job.identity)
    if checkpoint is None:
        return None
    with torch.random.fork_rng(devices=[]):
        learner = Learner(job.architecture, len(job.data.charset), job.recipe, job.seed, torch.device("cpu"))
    learner.restore(checkpoint)
    return Relative.of(learner.evaluation_network(), job.data.charset.symbols, learner.pruning_mask)
