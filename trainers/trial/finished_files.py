"""The files of a trained network, after a finish.

Decisions:
- Files of fine precisions share one finish; each file with a large step has one of its own (`trainers.quantisation.finish`).
- A finish is reported as a note to the last epoch, and its cost is a part of the file's measurement. It does not belong to the
  epochs by which trainings are compared, nor to their log.
- A finish goes on with what the training ended with: half the rate or half the batch after a fault.
- A finish that fails, also for lack of memory, leaves the file as it would be without one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from search_space.coded_precision import is_coarse
from trainers.base.candidate import Candidate
from trainers.base.errors import TrainingFault, is_out_of_memory, one_line
from trainers.base.progress import Report
from trainers.batching.epoch_length import EpochLength
from trainers.data.dataset import LineDataset
from trainers.quantisation.finish import finish
from trainers.training.job import TrainingJob
from trainers.training.loop import TrainingResult
from trainers.trial.model_files import ModelFiles


class FinishedFiles:
    """Exports and measures the files of one trained network.

    Args:
        normaliser: name of the normaliser of its labels.
        threads: number of CPU threads for reading the validation lines.
        training: how the network was trained.
        trained: result of the training.
        prepared: the dataset.
        epochs: of the finish; 0 does without.
        report: called after each epoch of a finish with the last report of the training and a note; its answer is ignored.
    """

    def __init__(
        self,
        normaliser: str,
        threads: int,
        training: TrainingJob,
        trained: TrainingResult,
        prepared: LineDataset,
        epochs: int,
        report: Report,
    ) -> None:
        self._training = replace(training, recipe=training.recipe.with_(finish_epochs=epochs, **trained.adjustments))
        self._trained, self._report, self._epochs = trained, report, epochs
        self._files = ModelFiles(trained, training.architecture, prepared, normaliser, threads)
        self._shared: ModelFiles | None = None

    def candidate(self, precision: str, path: Path) -> Candidate:
        """Exports the file of one precision, after its finish, and measures it.

        Args:
            precision: of the file.
            path: file to write.

        Raises:
            TrainingFault, OSError: as `ModelFiles.candidate`.
        """
        if not self._epochs:
            return self._files.candidate(precision, path)
        files = self._finished(precision) if is_coarse(precision) else self._finished_once()
        made = files.candidate(precision, path)
        if files is self._files:
            return made
        lines = len(self._training.data.training)
        shown = self._epochs * EpochLength.of(self._training.recipe, lines).lines(lines)
        return replace(made, measurement=replace(made.measurement, finish_lines=shown))

    def _finished_once(self) -> ModelFiles:
        """The files after the finish that all fine precisions share."""
        if self._shared is None:
            self._shared = self._finished(None)
        return self._shared

    def _finished(self, precision: str | None) -> ModelFiles:
        """The files after a finish with the rounding of a precision, or without any; the same as before if it fails."""
        named = "finish" if precision is None else f"quantisation-aware finish of {precision}"

        def note(epoch: int, loss: float) -> None:
            self._note(f"{named}: epoch {epoch} of {self._epochs}, loss {loss:.3f}")

        try:
            finished = finish(self._trained.recognizer, self._training, len(self._trained.history), precision, note)
        except TrainingFault as fault:
            self._note(f"no {named}: {fault}")
            return self._files
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            self._note(f"no {named}: out of memory ({one_line(error)})")
            return self._files
        return self._files.of(finished)

    def _note(self, text: str) -> None:
        self._report(replace(self._trained.history[-1], note=text, lineage=None))
