"""Keeps which lines the trials of a study are compared on, and refuses to continue with others.

Decisions:
- What counts is what is read: pixels as they were decoded, labels and charset, and which of the lines validate. Names, places
  and file times may change; lines that are drawn besides may differ from machine to machine, with the fonts.
- A study that has no record, of an earlier version or without a trial, gets the one of its present lines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from studies.storage.study_store import StudyStore
from trainers.base.errors import UserError
from trainers.data.dataset import LineDataset
from trainers.data.fingerprint import digest_of


def identity_of(prepared: LineDataset) -> dict[str, Any]:
    """The record of a study's lines at one input height: a digest, and counts for the user."""
    own, training, validation = prepared.own_lines, prepared.training, prepared.validation
    parts = ((training.originals[:own], training.texts[:own]), (validation.originals, validation.texts))
    digest = digest_of(prepared.charset.symbols, *([pixels.tolist(), texts] for pixels, texts in parts))
    symbols = len(prepared.charset.symbols)
    return {"digest": digest, "training": own, "validation": len(validation), "symbols": symbols}


def keep_data(
    store: StudyStore, name: str, prepared: Mapping[int, LineDataset], accept: bool, note: Callable[[str], None]
) -> None:
    """Compares the lines of a run with those that its study is recorded with, and records what is not yet recorded.

    Args:
        store: the study.
        name: of the study.
        prepared: the lines of this run by input height.
        accept: continue although they differ, and record the new ones.
        note: receives one line if they differ and are accepted.

    Raises:
        UserError: they differ and are not accepted.
    """
    now = {str(height_px): identity_of(lines) for height_px, lines in prepared.items()}
    known = store.data_identity() if store.has_trials() else {}
    differing = next((height for height in now if height in known and known[height]["digest"] != now[height]["digest"]), None)
    if differing is not None:
        change = _change(known[differing], now[differing])
        changed = f"the data of study '{name}' have changed since its trials were measured ({change})"
        if not accept:
            raise UserError(
                f"{changed}; accuracies on different lines cannot be compared: start a new study with --name NAME, restore the "
                f"data, or continue anyway with --accept-data"
            )
        note(f"{changed}; from here on its front compares accuracies on different lines")
        known = {}
    if known | now != known:
        store.set_data_identity(known | now)


def _change(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """What differs between two records, in numbers where they differ."""
    counts = {"training": "training lines", "validation": "validation lines", "symbols": "characters"}
    said = [f"{before[key]} {words} then, {now[key]} now" for key, words in counts.items() if before[key] != now[key]]
    return ", ".join(said) or "as many lines, other labels or images"
