"""The files of a trained network, those with large steps after a quantisation-aware finish.

Decisions:
- A finish is reported as a note to the last epoch, and its cost is a part of the file's measurement. It does not belong to the
  epochs by which trainings are compared, nor to their log.
- A finish that fails leaves the file as it would be without one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from trainers.base.candidate import Candidate
from trainers.base.errors import TrainingFault
from trainers.base.progress import Report
from trainers.batching.epoch_length import EpochLength
from trainers.data.dataset import LineDataset
from trainers.quantisation.finish import finish, is_finished
from trainers.training.job import TrainingJob
from trainers.training.loop import TrainingResult
from trainers.trial.model_files import ModelFiles


class FinishedFiles:
    """Exports and measures the files of one trained network.

    Args:
        normaliser: name of the normaliser of its labels.
        threads: number of CPU threads for reading the validation lines.
        training: how the network was trained; its recipe says how long a finish is.
        trained: result of the training.
        prepared: the dataset.
        report: called after each epoch of a finish with the last report of the training and a note; its answer is ignored.
    """

    def __init__(
        self,
        normaliser: str,
        threads: int,
        training: TrainingJob,
        trained: TrainingResult,
        prepared: LineDataset,
        report: Report,
    ) -> None:
        self._training, self._trained, self._report = training, trained, report
        self._files = ModelFiles(trained, training.architecture, prepared, normaliser, threads)

    def candidate(self, precision: str, path: Path) -> Candidate:
        """Exports the file of one precision, after a finish if it gets one, and measures it.

        Args:
            precision: of the file.
            path: file to write.

        Raises:
            TrainingFault, OSError: as `ModelFiles.candidate`.
        """
        epochs = self._training.recipe.quantisation_epochs
        if not is_finished(precision, epochs):
            return self._files.candidate(precision, path)
        done = len(self._trained.history)

        def note(epoch: int, loss: float) -> None:
            self._note(f"quantisation-aware finish of {precision}: epoch {epoch} of {epochs}, loss {loss:.3f}")

        try:
            finished = finish(self._trained.recognizer, self._training, done, precision, note)
        except TrainingFault as fault:
            self._note(f"{precision} has no quantisation-aware finish: {fault}")
            return self._files.candidate(precision, path)
        made = self._files.of(finished).candidate(precision, path)
        lines = len(self._training.data.training)
        shown = epochs * EpochLength.of(self._training.recipe, lines).lines(lines)
        return replace(made, measurement=replace(made.measurement, finish_lines=shown))

    def _note(self, text: str) -> None:
        self._report(replace(self._trained.history[-1], note=text, lineage=None))
