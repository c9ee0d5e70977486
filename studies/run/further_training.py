"""Trains a reader further: what a training takes over of the reader besides its weights.

Decisions:
- Without an architecture it is the reader's own, with the precision of its file.
- It writes the reader's characters and those of the new labels: a reader that loses characters is another one. Head rows of
  characters that both know are inherited.
- Labels are normalised, and images made even, as the reader's were: otherwise it would have to unlearn that first.
- Its recipe is the default one. A lower learning rate learns less of the new lines and forgets the old ones all the same; only
  old lines among the new ones prevent that (benchmarks/fine_tuning).
- What does not begin with a reader, but with random or starter weights, is a training like any other.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from search_space import Architecture
from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError
from trainers.base.recipe import Recipe, find_recipe
from trainers.inherit.parent import Parent
from trainers.trial.run import CANDIDATE_NAME

if TYPE_CHECKING:
    from studies.workspace.paths import Workspace
    from trainers.trial.known_reader import KnownReader

Characters = Literal["both", "new"]
"""Which characters the further trained reader writes: those of the reader and the new labels, or of the new labels alone."""
BEGINNING_NAME = "beginning.json"
"""File in the folder of a training that says what it began with."""


@dataclass(frozen=True)
class Beginning:
    """What a training begins with.

    Attributes:
        text: as the user wrote it.
        parents: the weights, best first; none for random ones.
        reader: what is known of the first of them; None for random and for starter weights.
    """

    text: str
    parents: tuple[Parent, ...]
    reader: KnownReader | None

    @classmethod
    def of(cls, text: str, workspace: Workspace) -> Beginning:
        """Finds what a text names (`studies.run.parents`).

        Raises:
            UserError: see `resolve_begin`.
        """
        from studies.run.parents import resolve_begin
        from trainers.trial.known_reader import KnownReader

        parents = resolve_begin(text, workspace)
        file = parents[0].file if parents else None
        return cls(text, parents, None if file is None else KnownReader.of(file))

    def architecture(self, given: Architecture | None) -> Architecture:
        """The architecture to train: the one given, or the reader's own.

        Raises:
            UserError: none is given, and there is no reader.
        """
        if given is not None:
            return given
        if self.reader is None:
            raise UserError(
                f"name an ARCHITECTURE: only a reader brings its own, and training begins with '{self.text}'; "
                f"see 'paretext models', or begin with models:/NAME@champion"
            )
        return self.reader.architecture

    def recipe(self, given: Recipe | None) -> Recipe:
        """The recipe to train by: the one given, or the default with images as the reader knows them."""
        if given is not None:
            return given
        recipe, contrast = find_recipe("anytime"), None if self.reader is None else self.reader.contrast
        return recipe if contrast is None else recipe.with_(even_contrast=contrast == "even")

    def more_symbols(self, characters: Characters) -> str:
        """The characters that are written besides those of the new labels."""
        return "".join(self.reader.charset) if self.reader is not None and characters == "both" else ""

    def normaliser(self, given: str | None) -> str:
        """The normaliser of the labels: the one given, or the reader's."""
        return given or (self.reader.normaliser if self.reader is not None else None) or "none"

    def folder_name(self, architecture: Architecture, settings: str) -> str:
        """Names the folder of a training, so that two with other weights, lines or settings do not share one.

        Args:
            architecture: to train.
            settings: text of all else that the training depends on, such as its lines and its recipe.
        """
        known = json.dumps([[p.name, p.sha256] for p in self.parents[:1]] + [settings])
        return f"{architecture.digest}-{hashlib.sha256(known.encode()).hexdigest()[:8]}"

    def check_folder(self, folder: Path) -> None:
        """Checks that the folder of a training is not one that it begins with.

        Raises:
            UserError: the folder holds a training that began otherwise, or the file that is to be begun with.
        """
        first = self.parents[0] if self.parents else None
        if first is not None and first.file is not None and first.file.resolve().parent == folder.resolve():
            raise UserError(f"{first.file} lies in the folder to write into, which would replace it; give another --out FOLDER")
        before = _recorded(folder / BEGINNING_NAME)
        if before != self._record() and any((folder / name).exists() for name in ("checkpoint.pt", CANDIDATE_NAME)):
            raise UserError(f"{folder} holds a training that began with {before['begin']}; give another --out FOLDER")

    def claim(self, folder: Path) -> None:
        """Records in the folder of a training what it begins with.

        Raises:
            UserError: as `check_folder`.
        """
        self.check_folder(folder)
        if self.parents:
            with atomic_write(folder / BEGINNING_NAME) as unfinished:
                unfinished.write_text(json.dumps(self._record()) + "\n", encoding="utf-8")

    def _record(self) -> dict[str, str | None]:
        """What the training begins with, as it is written into its folder."""
        first = self.parents[0] if self.parents else None
        return {"begin": "random" if first is None else first.name, "sha256": None if first is None else first.sha256}


def _recorded(file: Path) -> dict[str, str | None]:
    """What a training began with; a folder that does not say so holds one with random weights."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {"begin": "random", "sha256": None}
