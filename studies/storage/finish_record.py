"""Which trainings of a study have had their finish, in the study's attributes: one that fails leaves no trial."""

from __future__ import annotations

from collections.abc import Iterable

from studies.storage.study_store import StudyStore

FINISH_KEY = "paretext:finish:"
"""Begins the system attribute of a study for one training; its digest follows."""


class FinishRecord:
    """What has been finished.

    Args:
        store: the study.
    """

    def __init__(self, store: StudyStore) -> None:
        self._store, recorded = store, store.attributes(FINISH_KEY)
        self._tried = {digest: (int(value["epochs"]), set(value["precisions"])) for digest, value in recorded.items()}

    def tried(self, digest: str, epochs: int) -> set[str]:
        """The precisions for which a training has had a finish after this many epochs."""
        at, precisions = self._tried.get(digest, (0, set[str]()))
        return precisions if at == epochs else set()

    def add(self, digest: str, epochs: int, precisions: Iterable[str]) -> None:
        """Records a finish of a training after so many epochs, for some precisions."""
        tried = self.tried(digest, epochs) | set(precisions)
        self._tried[digest] = epochs, tried
        self._store.set_attribute(FINISH_KEY + digest, {"epochs": epochs, "precisions": sorted(tried)})
