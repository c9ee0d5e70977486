"""Layout of the workspace: the folder `runs/` in the current folder, or `$PARETEXT_HOME`.

runs/optuna.db            all studies and trials (in another storage if `$PARETEXT_STORAGE` names one)
runs/mlflow.db            MLflow's runs and registered models (on a server if `$MLFLOW_TRACKING_URI` names one)
runs/mlflow-artifacts/    their files
runs/models/STUDY/        exported models of finished trials
runs/studies/STUDY/       log of the study; epochs/: epoch logs of closed trials; trials/: working files (checkpoints);
                          weights/: trained weights for `search.inherit`; artifacts/: pictures drawn by the dashboard
runs/uploads/             files that someone has added in the dashboard
runs/cache/               decoded images
runs/locks/               lock files
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from studies.workspace.storage_url import check_path, parse_storage_url
from trainers.base.errors import UserError
from trainers.base.printable import printable

LOG_NAME = "log.jsonl"
"""Name of a study's log."""
LONGEST_NAME = 80
"""Characters of the name of a study."""
_STUDY_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_NAME - 1}}}")
"""What names a folder on every system, and needs no quoting in a URL or a query."""


@dataclass(frozen=True)
class Workspace:
    """The folder that holds the files of all studies.

    Attributes:
        folder: absolute path; need not exist until `prepare`.
        storage: URL of the storage of studies (`studies.storage.backends`); None: a SQLite file in the folder.
        tracking: tracking URI of MLflow, such as http://mlflow:5000; None: a SQLite file in the folder.
    """

    folder: Path
    storage: str | None = None
    tracking: str | None = None

    def __post_init__(self) -> None:
        """Raises UserError if the databases in the folder cannot be named by a URL."""
        check_path(self.folder, "the workspace folder")

    @classmethod
    def of_environment(cls) -> Workspace:
        """The workspace that PARETEXT_HOME, PARETEXT_STORAGE and MLFLOW_TRACKING_URI name; by default `runs` in this folder."""
        try:
            folder = Path(os.environ.get("PARETEXT_HOME") or "runs").expanduser().resolve()
        except RuntimeError:
            raise UserError("PARETEXT_HOME names the home folder of a user who is not known here") from None
        if folder.exists() and not folder.is_dir():
            raise UserError(f"the workspace folder {folder} is a file; set PARETEXT_HOME to a folder")
        own = cls(folder, os.environ.get("PARETEXT_STORAGE") or None)
        tracking = os.environ.get("MLFLOW_TRACKING_URI") or None
        if tracking is None or own._is_own_database(tracking):
            return own
        return cls(folder, own.storage, tracking)

    def _is_own_database(self, uri: str) -> bool:
        """Whether a tracking URI names MLflow's database in the folder, as `mlflow models serve` needs it."""
        return _sqlite_file(uri) == self.mlflow_file

    def prepare(self) -> Workspace:
        """Creates the folder.

        Raises:
            UserError: it cannot be created or written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot create the workspace folder {self.folder} ({error.strerror}); set PARETEXT_HOME to another folder"
            ) from None
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise UserError(
                f"cannot write to the workspace folder {self.folder}; set PARETEXT_HOME to a folder that is writable"
            )
        return self

    @property
    def optuna_file(self) -> Path:
        """The SQLite file that holds all studies by default."""
        return self.folder / "optuna.db"

    @property
    def optuna_url(self) -> str:
        """URL of the storage of studies, for `studies.storage.backends.open_storage`."""
        return self.storage or f"sqlite:///{self.optuna_file}"

    @property
    def holds_studies(self) -> bool:
        """Whether there can be studies: always on a server; with a file if it exists."""
        if self.storage is None:
            return self.optuna_file.exists()
        file = parse_storage_url(self.storage).file
        return file is None or file.exists()

    @property
    def mlflow_file(self) -> Path:
        """The SQLite file that holds MLflow's runs and registered models."""
        return self.folder / "mlflow.db"

    @property
    def mlflow_database(self) -> Path | None:
        """The SQLite file that is used: that one, or another one that the tracking URI names; None if MLflow is on a server."""
        return self.mlflow_file if self.tracking is None else _sqlite_file(self.tracking)

    @property
    def mlflow_uri(self) -> str:
        """Tracking URI of MLflow: of that file, unless another one is given."""
        return self.tracking or f"sqlite:///{self.mlflow_file}"

    @property
    def holds_models(self) -> bool:
        """Whether there can be registered models: always on a server; with a file if it exists."""
        return self.tracking is not None or self.mlflow_file.exists()

    @property
    def mlflow_artifacts(self) -> Path:
        """The folder that MLflow copies models to."""
        return self.folder / "mlflow-artifacts"

    @property
    def downloads(self) -> Path:
        """Registered models that were downloaded from a tracking server."""
        return self.folder / "downloads"

    @property
    def models(self) -> Path:
        """Exported models, one folder for each study."""
        return self.folder / "models"

    @property
    def cache(self) -> Path:
        """Decoded images, used by all studies."""
        return self.folder / "cache"

    def study(self, study: str) -> Path:
        """Files of one study.

        Raises:
            UserError: the name is not allowed.
        """
        return self.folder / "studies" / check_study_name(study)

    def folders(self, study: str) -> list[Path]:
        """All folders that belong to one study alone; they need not exist."""
        return [self.study(study), self.models / study]

    def trials(self, study: str) -> Path:
        """Working files of a study's trials."""
        return self.study(study) / "trials"

    def epochs(self, study: str) -> Path:
        """Epoch logs of closed trials."""
        return self.study(study) / "epochs"

    def weights(self, study: str) -> Path:
        """Weights of a study's trainings that later ones may begin with (`studies.workspace.kept_weights`)."""
        return self.study(study) / "weights"

    def artifacts(self, study: str) -> Path:
        """Pictures of a study's trials that `paretext dashboard` has drawn; they can be drawn again."""
        return self.study(study) / "artifacts"

    @property
    def uploads(self) -> Path:
        """Files that someone has added to a study or trial in the dashboard."""
        return self.folder / "uploads"

    def log(self, study: str) -> Path:
        """The study's log: all events that its observers received."""
        return self.study(study) / LOG_NAME

    def lock(self, name: str) -> Path:
        """The lock file of that name, for `trainers.base.file_lock.locked`."""
        return self.folder / "locks" / f"{name}.lock"


def _sqlite_file(uri: str) -> Path | None:
    """The file that a tracking URI names; None if it names no SQLite file, or has options."""
    path = uri.removeprefix("sqlite:///")
    return None if path == uri or "?" in path else Path(path).resolve()


def check_study_name(name: str) -> str:
    """Returns `name` if a study may have that name.

    Raises:
        UserError: it is empty, longer than 80, or has other characters than letters, digits, `.`, `_` and `-`.
    """
    if not _STUDY_NAME.fullmatch(name):
        raise UserError(
            f"{printable(repr(name), 100)} cannot name a study; use up to {LONGEST_NAME} letters (a to z, A to Z), digits, "
            f"'.', '_' or '-', a letter or digit first"
        )
    return name
