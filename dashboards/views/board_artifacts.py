"""What `paretext dashboard` shows as artifacts: learning curves, sheets of errors and ONNX files of trials.

Decisions:
- A picture is drawn when a browser asks for it first, and kept in the folder of its study. Nothing is drawn during a search, or
  for trials that nobody looks at.
- What cannot be drawn, because the lines or the log are gone, is a picture that says so; that one is not kept.
"""

from __future__ import annotations

import io
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from studies.storage.artifact_files import ArtifactNotFound, artifact_folder, find_artifact
from studies.storage.outcomes import CheckpointOf, Measured, PrecisionVariantOf
from studies.storage.stored_names import names_of_paretext
from studies.storage.study_store import StudyStore
from studies.storage.trial_artifacts import CURVES, ERRORS, ERRORS_BEFORE
from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

    from studies.storage.backends import Storage
    from studies.storage.stored_trial import StoredTrial
    from studies.workspace.paths import Workspace
    from trainers.base.progress import EpochReport
    from trainers.data.dataset import LineDataset

SHEET_ERRORS = 30
"""Most lines on a sheet of errors: ten rows of three, which fit a screen."""
REMARK_PX = (640, 120)
"""Width and height of the picture that says why there is none."""


class BoardArtifacts:
    """An artifact store in the sense of Optuna (`optuna.artifacts`), over all studies of a workspace.

    Args:
        workspace: holds models, logs and pictures.
        storage: of the studies.
    """

    def __init__(self, workspace: Workspace, storage: Storage) -> None:
        self._workspace, self._storage = workspace, storage
        self._lines: dict[str, LineDataset] = {}  # that mistakes were looked at on; a name may become that of another study
        self._drawing = threading.Lock()  # matplotlib is not made for threads, and two requests may ask for one picture

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Opens an artifact.

        Raises:
            ArtifactNotFound: there is none with this ID, or its file is gone.
        """
        for folder in self._folders():
            if (folder / artifact_id).is_file():
                return artifact_folder(folder).open_reader(artifact_id)
        for name in names_of_paretext(self._storage):
            store = StudyStore.open(self._storage, name)
            if (found := find_artifact(store, artifact_id)) is not None:
                trial, file_name = found
                if file_name not in (CURVES, ERRORS, ERRORS_BEFORE):
                    return self._model(trial)
                return self._picture(store, name, artifact_id, trial, file_name)
        raise ArtifactNotFound("not found")

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Keeps a file that someone adds in the browser."""
        self._workspace.uploads.mkdir(parents=True, exist_ok=True)
        artifact_folder(self._workspace.uploads).write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        """Deletes a picture or an added file. Models stay, and a picture that was never drawn has no file."""
        for folder in self._folders():
            if (folder / artifact_id).is_file():
                artifact_folder(folder).remove(artifact_id)

    def _folders(self) -> list[Path]:
        """Where artifacts are kept."""
        return [*(self._workspace.artifacts(name) for name in names_of_paretext(self._storage)), self._workspace.uploads]

    def _model(self, trial: StoredTrial) -> BinaryIO:
        """The ONNX file of a trial."""
        outcome = trial.outcome
        if isinstance(outcome, Measured | PrecisionVariantOf | CheckpointOf):
            try:
                return (self._workspace.folder / outcome.model).open("rb")
            except FileNotFoundError as error:
                raise ArtifactNotFound("not found") from error
        raise ArtifactNotFound("not found")

    def _picture(self, store: StudyStore, study: str, artifact_id: str, trial: StoredTrial, file_name: str) -> BinaryIO:
        """A picture, which is drawn and kept."""
        with self._drawing:
            try:
                content = self._curves(study, trial) if file_name == CURVES else self._mistakes(store, trial)
            except (UserError, OSError) as error:
                return io.BytesIO(_remark(str(error)))
            with atomic_write(self._workspace.artifacts(study) / artifact_id) as temporary:
                temporary.write_bytes(content)
        return io.BytesIO(content)

    def _curves(self, study: str, trial: StoredTrial) -> bytes:
        """The learning curves of a trial, as a PNG.

        Raises:
            UserError: its log is gone.
        """
        from dashboards.views.training_pictures import draw_curves

        history = _history(self._workspace, study, trial)
        if not history:
            raise UserError(f"the log of the epochs of trial {trial.number} is no longer in {self._workspace.study(study)}")
        with tempfile.TemporaryDirectory(prefix="paretext-") as folder:
            file = Path(folder) / CURVES
            draw_curves(history, file, f"trial {trial.number} of study '{study}'")
            return file.read_bytes()

    def _mistakes(self, store: StudyStore, trial: StoredTrial) -> bytes:
        """The validation lines that the file of a trial misreads, as a PNG.

        Raises:
            UserError: the lines of the study cannot be read.
            OSError: the file is gone.
        """
        import numpy as np

        from dashboards.views.accuracy_report import sheet_of
        from trainers.data.dataset import prepare
        from trainers.evaluation.mistakes import worst_mistakes

        with self._model(trial) as file:
            model = Path(file.name)
        assert trial.fields is not None and trial.measurement is not None  # it has a file
        height_px, settings = int(trial.fields["height_px"]), store.study
        spec = settings.data.spec(height_px, settings.search.seed)
        key = f"{spec.model_dump_json()} {store.data_identity()}"
        if key not in self._lines:
            self._lines[key] = prepare(spec, self._workspace.prepare().cache)
        lines, right = self._lines[key].validation, trial.measurement.right_lines
        if right is not None and right.lines == len(lines):  # only those that it is known to misread
            lines = lines.select(np.flatnonzero(~np.array(right.unpacked())))
        mistakes = worst_mistakes(model, lines, len(lines))
        title = f"trial {trial.number}: the worst {min(SHEET_ERRORS, len(mistakes))} of {len(mistakes):,} errors"
        return _png(sheet_of(title, mistakes[:SHEET_ERRORS]))


def _history(workspace: Workspace, study: str, trial: StoredTrial) -> list[EpochReport]:
    """The epochs of a trial, oldest first; empty if its log is gone. Of an epoch that was trained twice, the last counts."""
    from trainers.base.progress import EpochReport
    from trainers.trial.epoch_log import EPOCHS_NAME, read_epochs

    kept = sorted(workspace.epochs(study).glob(f"*-{trial.digest}.jsonl"))
    own = [file for file in kept if file.name.startswith(f"{trial.number:05d}-")]
    for file in (*own, workspace.trials(study) / str(trial.digest) / EPOCHS_NAME, *reversed(kept)):
        fields = EpochReport.__dataclass_fields__
        reports = {
            int(epoch["epoch"]): EpochReport.from_dict({name: value for name, value in epoch.items() if name in fields})
            for epoch in read_epochs(file)
            if epoch.get("epoch", 0) <= trial.epochs_trained
        }
        if reports:
            return [reports[number] for number in sorted(reports)]
    return []


def _png(picture: Image.Image) -> bytes:
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True)
    return content.getvalue()


def _remark(text: str) -> bytes:
    """A picture of a sentence, for where there is nothing to draw."""
    import textwrap

    from PIL import Image, ImageDraw, ImageFont

    picture = Image.new("RGB", REMARK_PX, "white")
    words = "\n".join(textwrap.wrap(text, 72))
    ImageDraw.Draw(picture).multiline_text((16, 16), words, fill="black", font=ImageFont.load_default(15))
    return _png(picture)
