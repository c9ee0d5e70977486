"""What the trainings of a run begin with: the weights that `search.begin` names, or those of earlier trainings of the study.

Decisions:
- A parent is worth the share of its weights that the new network would inherit, times how well it reads: 1 less its character
  error rate. Of a wider parent's channels only some are taken, and what these compute alone was never trained: its worth is
  multiplied by the ratio of the widths. The first channels of starter weights were trained as narrower networks, so this does
  not hold for them. The share follows from the two architectures; working it out takes 0.1 to 0.3 s, so it is done for the
  `LOOKED_AT` most alike and best reading only.
- Weights that were trained on other data read these lines worse than their record says: they count as if their error rate were
  at least `FOREIGN_CER`.
- The driver takes the weights out of a training's checkpoint when the training pauses or ends, so every engine supports it.
- A training that does not read yet (`READING_CER`) is nobody's parent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from search_space.architecture import Architecture
from studies.workspace.kept_weights import KeptWeights
from trainers.base.candidate import READING_CER
from trainers.base.errors import UserError
from trainers.inherit.parent import Parent

if TYPE_CHECKING:
    from studies.run.judged import Ready
    from trainers.base.lineage import Lineage
    from trainers.data.dataset import LineDataset
    from trainers.trial.run import TrialJob

LOOKED_AT = 3
"""Trainings of the study for which the inherited share is worked out when a new one starts."""
FOREIGN_CER = 0.3
"""Least character error rate that weights of other data count with: a reader of drawn lines reads two of five photographed
words (benchmarks/starter)."""
SHARED_FIELDS = {"backbone": 4.0, "width_percent": 2.0, "neck": 1.0, "attention": 1.0, "encoder": 1.0, "encoder_hidden": 1.0}
"""Fields by which trainings are compared before the share is worked out, with their weights: most parameters are in the
backbone, and only networks of one family share them."""


class Beginnings:
    """Chooses the parents of new trainings, and keeps the weights of those that pause or end.

    Args:
        begin: the parents that `search.begin` names, the best first.
        kept: the weights of the study's trainings; None: nobody inherits from them, and none are kept.
        job_of: makes the job of a training.
        prepared: lines, by input height.
        lineages: number of a trial to what its network inherited.
        note: receives one line for the user.
        inherits: whether a network that starts now may begin with the study's weights.
    """

    def __init__(
        self,
        begin: tuple[Parent, ...],
        kept: KeptWeights | None,
        job_of: Callable[[Ready], TrialJob],
        prepared: Mapping[int, LineDataset],
        lineages: Mapping[int, Lineage],
        note: Callable[[str], None],
        inherits: Callable[[], bool],
    ) -> None:
        self._begin, self._kept, self._job_of, self._inherits = begin, kept, job_of, inherits
        self._prepared, self._lineages, self._note = prepared, lineages, note

    def job(self, ready: Ready, new: bool) -> TrialJob:
        """The job of a training.

        Args:
            ready: the training.
            new: whether it has no checkpoint yet, so that it needs initial weights.
        """
        job = self._job_of(ready)
        if self._kept is None or not new or not self._inherits():
            return job
        return replace(job, parents=self._parents(job.architecture, self._kept.parents))

    def keep(self, ready: Ready, epochs: int, cer: float) -> None:
        """Keeps the weights of a training that has paused or ended, if it reads.

        Args:
            ready: the training; its checkpoint is in its folder.
            epochs: that it has been trained for.
            cer: what it reads after them.
        """
        if self._kept is None or cer >= READING_CER:
            return
        lineage, job = self._lineages.get(ready.number), self._job_of(ready)
        total = epochs + (0 if lineage is None else lineage.epochs)
        if self._kept.epochs(job.folder.name) >= total:
            return
        from trainers.inherit.weights_file import write_weights
        from trainers.trial.trained_weights import trained_weights

        prepared = self._prepared.get(job.architecture.height_px)  # None for a height that the study no longer has
        found = None if prepared is None else trained_weights(job, prepared, epochs, cer, lineage)
        if found is None:
            return
        relative, record = found
        parent = Parent(f"trial {ready.number}", None, None, total, record.lines, cer, job.architecture)
        try:
            self._kept.keep(job.folder.name, parent, lambda file: write_weights(file, relative, record))
        except UserError as error:
            self._note(f"the weights of trial {ready.number} are not kept: {error}")

    def _parents(self, architecture: Architecture, kept: list[Parent]) -> tuple[Parent, ...]:
        """The parents of a new network, the best first."""
        known = [parent for parent in kept if parent.architecture is not None]
        near = sorted(known, key=lambda parent: -_likeness(parent, architecture) * _reads(parent))[:LOOKED_AT]
        worth = [(self._worth(architecture, parent) * _reads(parent), parent) for parent in near]
        worth += [(self._worth(architecture, parent) * min(_reads(parent), 1 - FOREIGN_CER), parent) for parent in self._begin]
        return tuple(parent for value, parent in sorted(worth, key=lambda each: -each[0]) if value > 0)

    def _worth(self, architecture: Architecture, parent: Parent) -> float:
        """The share of its weights that a network would inherit; less where channels of a wider parent are left out."""
        share, other = self._share(architecture, parent), parent.architecture
        if parent.file is None or other is None or share == 0:
            return share
        return share * min(1.0, architecture.width_percent / other.width_percent)

    def _share(self, architecture: Architecture, parent: Parent) -> float:
        from trainers.inherit.share import inherited_share
        from trainers.inherit.starter import starter_for

        other, nested = parent.architecture, False
        if parent.file is None:
            starter = starter_for(architecture)
            if starter is None:
                return 0.0
            other, nested = starter.architecture, starter.nested
        if other is None:  # known only from its file; all of it may fit
            return 1.0
        return inherited_share(architecture, other, next(iter(self._prepared.values())).charset.symbols, nested)


def _reads(parent: Parent) -> float:
    """How well a parent reads, from 0 to 1; as weights of other data do if that is not known."""
    return 1 - FOREIGN_CER if parent.cer is None else max(0.0, 1 - parent.cer)


def _likeness(parent: Parent, architecture: Architecture) -> float:
    """How much of two architectures is alike, by `SHARED_FIELDS`; the more, the more is inherited."""
    assert parent.architecture is not None
    total = 0.0
    for name, weight in SHARED_FIELDS.items():
        one, other = getattr(parent.architecture, name), getattr(architecture, name)
        if isinstance(one, int) and isinstance(other, int):
            total += weight * min(one, other) / max(one, other, 1)
        else:
            total += weight * (one == other)
    return total
