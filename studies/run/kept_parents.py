"""The weights that the candidates of a study begin with stay those that its first run found.

Decisions:
- What `search.begin` names may change: an alias moves on, a front grows. Candidates that began with other weights could not be
  compared, so the first run records its parents with the study, and later runs use those.
- A parent whose file is gone, or is another one now, is said once when a run starts, and the others are used. Without any,
  candidates begin with starter weights where the package has some, or with random ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from studies.definition.begin_spec import STARTER
from studies.definition.model_address import SCHEME
from studies.definition.study import Study
from studies.run.parents import resolve_begin
from studies.storage.study_parents import record_parents, recorded_parents
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.inherit.parent import Parent


def parents_of(study: Study, store: StudyStore | None, workspace: Workspace, note: Callable[[str], None]) -> tuple[Parent, ...]:
    """The parents of a study's candidates, the best first.

    Args:
        study: to run.
        store: the study as an earlier run has stored it; None before the first.
        workspace: holds registered models and studies.
        note: receives one line for each parent that is gone.

    Raises:
        UserError: it is the first run, and what `search.begin` names is not there.
    """
    kept = [] if store is None else recorded_parents(store)
    if not kept:
        return resolve_begin(study.search.begin, workspace)
    there = []
    for values in kept:
        try:
            there.append(_found_again(Parent.from_dict(values), workspace))
        except UserError as error:
            note(f"candidates can no longer begin with {values['name']}: {error}")
    if not there:
        note("new candidates begin with starter weights where there are some for their backbone, or with random ones")
        return (Parent(STARTER),)
    return tuple(there)


def keep_parents(store: StudyStore, parents: Sequence[Parent], workspace: Workspace) -> None:
    """Records the parents of a study, with paths relative to the workspace where they are in it; once."""
    if parents and not recorded_parents(store):
        record_parents(store, [_relative(parent, workspace).as_dict() for parent in parents])


def _relative(parent: Parent, workspace: Workspace) -> Parent:
    inside = parent.file is not None and parent.file.is_relative_to(workspace.folder)
    return replace(parent, file=parent.file.relative_to(workspace.folder)) if parent.file is not None and inside else parent


def _found_again(parent: Parent, workspace: Workspace) -> Parent:
    """A recorded parent with its file where it is now.

    Raises:
        UserError: it is gone, or another file now.
    """
    if parent.file is None:
        return parent
    file = workspace.folder / parent.file
    if parent.name.startswith(SCHEME):  # it may have been deleted, which leaves its files, or its folder was moved
        found = resolve_begin(parent.name, workspace)[0].file
        assert found is not None
        file = found
    if not file.is_file():
        raise UserError(f"{file} is missing")
    if parent.sha256 not in (None, file_sha256(file)):
        raise UserError(f"{file} is another file than the study began with")
    return replace(parent, file=Path(file))
