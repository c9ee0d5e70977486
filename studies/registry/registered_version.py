"""A model version in the registry, and how it is read: with its ONNX file and never with its code.

Decisions:
- An MLflow model is a program: loading it runs the Python file in its folder, or unpickles what its `MLmodel` names. Whoever
  writes to the folder could run anything. So Paretext reads the ONNX file, which is data, with its own reader.
- The file must have the SHA-256 that was recorded at promotion: a damaged or exchanged file is refused.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse
from urllib.request import url2pathname

from studies.registry.mlflow_client import import_mlflow
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError, one_line
from trainers.base.file_digest import file_sha256
from trainers.base.file_lock import locked
from trainers.base.images import decode_image
from trainers.inference.reader import Reader, Reading

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True)
class RegisteredVersion:
    """A model version in the registry.

    Attributes:
        model: name of the registered model.
        version: number of the version.
        tags: tags that `promote` has set, see `studies.registry.model_card.facts_of`.
        folder: the folder of its pyfunc model.
    """

    model: str
    version: int
    tags: dict[str, str]
    folder: Path

    @classmethod
    def of(cls, client: MlflowClient, found: ModelVersion, workspace: Workspace) -> RegisteredVersion:
        """Adds the folder of its files to a model version; files on a server are downloaded, once.

        Raises:
            UserError: the folder is missing, or cannot be downloaded.
        """
        uri = client.get_model_version_download_uri(found.name, found.version)
        location = urlparse(uri)
        if location.scheme not in ("", "file"):
            return cls(found.name, int(found.version), dict(found.tags), _downloaded(uri, found, workspace))
        folder = Path(url2pathname(location.path))
        if not folder.is_dir():
            raise UserError(f"the files of {found.name} version {found.version} no longer exist: {folder}")
        return cls(found.name, int(found.version), dict(found.tags), folder)

    def read(self, images: Sequence[bytes]) -> list[Reading]:
        """Returns a reading of each image.

        Args:
            images: the content of PNG, JPEG or other image files.

        Raises:
            UserError: an image cannot be read, or as for `checked_file`.
        """
        return self._reader.read([decode_image(image) for image in images])

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.checked_file())

    def checked_file(self) -> Path:
        """The ONNX file, after a comparison with the hash in the tags.

        Raises:
            UserError: the version was not made by `paretext promote`, or its file is not the one that was promoted.
        """
        name = f"{self.model} version {self.version}"
        files = [path for path in self.folder.rglob("*.onnx") if path.is_file()]
        if "sha256" in self.tags and not files:
            raise UserError(
                f"the ONNX file of {name} is missing from {self.folder}; restore it from a copy, or promote its trial again"
            )
        if "sha256" not in self.tags or len(files) != 1:
            raise UserError(
                f"{name} was not registered by 'paretext promote'; load it with MLflow if you trust it: {self.folder}"
            )
        (file,) = files
        if file_sha256(file) != self.tags["sha256"]:
            raise UserError(
                f"the file of {name} is damaged or was exchanged ({file}): its SHA-256 is not the one that was registered; "
                f"promote its trial again"
            )
        return file


def _downloaded(uri: str, found: ModelVersion, workspace: Workspace) -> Path:
    """The folder of a model version, downloaded from a server unless it has been before.

    Raises:
        UserError: it cannot be downloaded.
    """
    mlflow = import_mlflow()
    folder = workspace.downloads / f"{found.name}-{found.version}-{found.tags.get('sha256', '')[:12]}"
    with locked(workspace.lock("downloads")):
        if folder.is_dir():
            return folder
        partial = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            downloaded = mlflow.artifacts.download_artifacts(
                artifact_uri=uri, dst_path=str(partial), tracking_uri=workspace.mlflow_uri
            )
            Path(downloaded).rename(folder)
        except Exception as error:  # each of MLflow's stores has exceptions of its own
            raise UserError(f"{found.name} version {found.version} cannot be downloaded: {one_line(error)}") from None
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder
