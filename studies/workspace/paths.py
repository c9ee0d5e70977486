"""Where a run leaves what it leaves: one folder, `runs/` here or PARETEXT_HOME.

runs/optuna.db            every study and trial: the truth (elsewhere if PARETEXT_STORAGE says so)
runs/mlflow.db            runs and registered models
runs/mlflow-artifacts/    their files
runs/models/STUDY/        exported models of finished trials
runs/studies/STUDY/       its log; epochs/: what each trial has trained; trials/: working files (checkpoints)
runs/cache/               images decoded once
runs/locks/               one file for each thing that only one process may do at a time
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from trainers.base.errors import UserError

LOG_NAME = "log.jsonl"
_STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True)
class Workspace:
    """The folder that holds everything a run leaves.

    Attributes:
        folder: absolute path; need not exist until `prepare`.
        storage: where studies are kept, if not in the folder (`studies.storage.backends`).
    """

    folder: Path
    storage: str | None = None

    @classmethod
    def of_environment(cls) -> Workspace:
        """The folder named by PARETEXT_HOME, else `runs` in the current folder; studies in PARETEXT_STORAGE if that is set."""
        folder = Path(os.environ.get("PARETEXT_HOME") or "runs").expanduser().resolve()
        return cls(folder, os.environ.get("PARETEXT_STORAGE") or None)

    def prepare(self) -> Workspace:
        """Makes the folder.

        Raises:
            UserError: it cannot be made, or cannot be written to.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot make the folder {self.folder} ({error.strerror}); set PARETEXT_HOME to one that can"
            ) from None
        if not os.access(self.folder, os.W_OK | os.X_OK):
            raise UserError(f"cannot write to {self.folder}; set PARETEXT_HOME to a folder that can be written to")
        return self

    @property
    def optuna_file(self) -> Path:
        """The SQLite file that holds every study."""
        return self.folder / "optuna.db"

    @property
    def optuna_url(self) -> str:
        """Where studies are kept, as `studies.storage.backends` reads it."""
        return self.storage or f"sqlite:///{self.optuna_file}"

    @property
    def holds_studies(self) -> bool:
        """Whether there can be a study: a server may hold one, a file must be there."""
        if self.storage is None:
            return self.optuna_file.exists()
        path = self.storage.removeprefix("journal:").removeprefix("sqlite:///")
        return path == self.storage or Path(path).exists()

    @property
    def mlflow_file(self) -> Path:
        """The SQLite file that holds MLflow's runs and registered models."""
        return self.folder / "mlflow.db"

    @property
    def mlflow_uri(self) -> str:
        """The same as MLflow writes it; its older store of plain files is closed since 3.7."""
        return f"sqlite:///{self.mlflow_file}"

    @property
    def mlflow_artifacts(self) -> Path:
        """Where MLflow copies models to."""
        return self.folder / "mlflow-artifacts"

    @property
    def models(self) -> Path:
        """Exported models, a folder for each study."""
        return self.folder / "models"

    @property
    def cache(self) -> Path:
        """Images decoded once, shared by all studies."""
        return self.folder / "cache"

    def study(self, study: str) -> Path:
        """What belongs to one study alone.

        Raises:
            UserError: the name cannot name a folder.
        """
        return self.folder / "studies" / check_study_name(study)

    def trials(self, study: str) -> Path:
        """Working files of a study's trials."""
        return self.study(study) / "trials"

    def epochs(self, study: str) -> Path:
        """Logs of the epochs of closed trials."""
        return self.study(study) / "epochs"

    def log(self, study: str) -> Path:
        """Everything that the watchers of a study were told."""
        return self.study(study) / LOG_NAME

    def lock(self, name: str) -> Path:
        """The file that `trainers.base.file_lock.locked` holds for `name`."""
        return self.folder / "locks" / f"{name}.lock"


def check_study_name(name: str) -> str:
    """`name`, if a study may be called that.

    Raises:
        UserError: it is empty, longer than 80, or has other characters than letters, digits, `.`, `_` and `-`.
    """
    if not _STUDY_NAME.fullmatch(name):
        raise UserError(f"'{name}' cannot name a study; use up to 80 letters, digits, '.', '_' or '-', a letter or digit first")
    return name
