"""The weights of a study's trainings, kept so that later networks may begin with them.

    runs/studies/STUDY/weights/TRAINING-EPOCHS.safetensors     the averaged weights of one training
    runs/studies/STUDY/weights/TRAINING.json                   names that file, its hash, and how it was trained

Decisions:
- Each file is written whole or not at all, the weights before the entry that names them. What a killed run has left without an
  entry is deleted by the next one: its training is still open and is kept again.
- One file for each training, the latest. Beyond the disk limit those with the highest character error rate are deleted first.
- They stay when a run ends, since the study may be continued; the folder may be deleted at any time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from trainers.base.atomic_write import atomic_write
from trainers.base.file_digest import file_sha256
from trainers.inherit.parent import Parent


class KeptWeights:
    """The kept weights of one study.

    Args:
        folder: where they are; need not exist.
        limit_bytes: most that all of them may take.
        notify: receives one line if files are missing.
    """

    def __init__(self, folder: Path, limit_bytes: float, notify: Callable[[str], None]) -> None:
        self._folder, self._limit_bytes = folder, limit_bytes
        self._kept: dict[str, Parent] = {}
        self._load(notify)

    @property
    def parents(self) -> list[Parent]:
        """All kept weights, in the order of their trainings' names."""
        return [self._kept[training] for training in sorted(self._kept)]

    def epochs(self, training: str) -> int:
        """Epochs that the kept weights of a training were trained, those of its ancestors included; 0 if there are none."""
        kept = self._kept.get(training)
        return 0 if kept is None else kept.epochs

    def keep(self, training: str, parent: Parent, write: Callable[[Path], None]) -> None:
        """Keeps the weights of a training in place of its earlier ones.

        Args:
            training: name of its folder.
            parent: says how they were trained; its file and hash are filled in here.
            write: writes the weights to a path, whole or not at all.

        Raises:
            OSError: a file cannot be written.
        """
        from trainers.inherit.weights_file import SUFFIX  # brings torch

        before = self._kept.get(training)
        file = self._folder / f"{training}-{parent.epochs}{SUFFIX}"
        self._folder.mkdir(parents=True, exist_ok=True)
        write(file)
        parent = replace(parent, file=file, sha256=file_sha256(file))
        with atomic_write(self._entry(training)) as temporary:
            values = {**parent.as_dict(), "file": file.name}
            temporary.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")
        self._kept[training] = parent
        if before is not None and before.file is not None and before.file != file:
            before.file.unlink(missing_ok=True)
        self._keep_within_limit()

    def _keep_within_limit(self) -> None:
        sizes = {training: _size(parent) for training, parent in self._kept.items()}
        worst = sorted(self._kept, key=lambda training: (-_cer(self._kept[training]), training))
        for training in worst:
            if sum(sizes.values()) <= self._limit_bytes:
                return
            self._drop(training)
            del sizes[training]

    def _drop(self, training: str) -> None:
        """Deletes the weights of a training: the entry first, so that none names a file that is gone."""
        parent = self._kept.pop(training)
        self._entry(training).unlink(missing_ok=True)
        if parent.file is not None:
            parent.file.unlink(missing_ok=True)

    def _load(self, notify: Callable[[str], None]) -> None:
        missing = []
        for entry in sorted(self._folder.glob("*.json")):
            try:
                parent = Parent.from_dict(json.loads(entry.read_text(encoding="utf-8")))
            except (OSError, ValueError, TypeError, KeyError):  # damaged, or of a version with other architectures
                entry.unlink(missing_ok=True)
                continue
            file = self._folder / Path(parent.file or "").name
            if file.is_file():
                self._kept[entry.stem] = replace(parent, file=file)
            else:
                missing.append(parent.name)
                entry.unlink(missing_ok=True)
        self._delete_others({parent.file.name for parent in self._kept.values() if parent.file is not None})
        if missing:
            notify(f"weights of {', '.join(missing)} are missing from {self._folder}; candidates begin with others")

    def _delete_others(self, known: Iterable[str]) -> None:
        """Deletes weights that no entry names."""
        for file in self._folder.glob("*"):
            if file.suffix != ".json" and file.name not in known and file.is_file():
                file.unlink(missing_ok=True)

    def _entry(self, training: str) -> Path:
        return self._folder / f"{training}.json"


def _size(parent: Parent) -> int:
    try:
        return 0 if parent.file is None else parent.file.stat().st_size
    except OSError:
        return 0


def _cer(parent: Parent) -> float:
    return 1.0 if parent.cer is None else parent.cer
