"""Gives a stored study another name, on every storage. Optuna has no call for it.

Decisions:
- In a SQL storage it is one transaction: the name, the name within the resolved study, and the paths of models, which are
  attributes of closed trials that Optuna's interface does not change.
- A journal cannot change what it has recorded. There the study is copied under the new name and the old one is deleted. The
  copy says of which study it is one until the old study is gone; a copy that a killed process has left is made again.
- Parents that other studies have recorded (`studies.storage.study_parents`) follow, since their files move.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from studies.storage.backends import open_storage
from studies.storage.lease import LEASE_KEY
from studies.storage.stored_names import all_names, load_study
from studies.storage.study_attributes import STUDY_KEY, read_value, write_value
from studies.storage.study_parents import record_parents, recorded_parents
from studies.storage.study_store import StudyStore
from studies.storage.trial_attributes import MODEL
from studies.workspace.storage_url import JOURNAL
from trainers.base.errors import UserError

COPY_KEY = "paretext:copy_of"
"""Attribute of a copy in a journal: the name of the study that it is a copy of, empty once that study is gone."""


def with_new_name(text: str, old: str, new: str) -> str:
    """A text, such as a note, in which the commands for a study have its new name; everything else stays as it is.

    Args:
        text: may have commands such as `paretext promote OLD --trial 3`.
        old: name that the study had.
        new: its new name.
    """
    command = rf"(paretext (?:promote|front|report|trials|sync|search --name) ){re.escape(old)}(?![\w.-]*\w)"
    return re.sub(command, lambda found: found[1] + new, text)


def check_free(url: str, old: str, new: str) -> None:
    """Checks that a study may be renamed.

    Args:
        url: of the storage.
        old: name of the study.
        new: its new name.

    Raises:
        UserError: there is another study of the new name.
    """
    storage = open_storage(url)
    if new not in all_names(storage):
        return
    found, source = (load_study(storage, name) for name in (new, old))
    if read_value(found, COPY_KEY) != old:
        raise UserError(f"a study is called '{new}' already; take another name")
    if storage.get_n_trials(found._study_id) > storage.get_n_trials(source._study_id):
        raise UserError(
            f"'{new}' is a copy of '{old}' that has been continued; delete the one that you do not need "
            f"(paretext studies delete)"
        )


def rename_stored(url: str, old: str, new: str) -> None:
    """Renames a study in its storage. Hold its lease.

    Args:
        url: of the storage (`studies.storage.backends`).
        old: name of the study.
        new: its new name.

    Raises:
        UserError: there is another study of the new name.
    """
    check_free(url, old, new)
    if url.startswith(JOURNAL):
        _copy_and_delete(open_storage(url), old, new)
    else:
        _update(url, old, new)


def follow_parents(url: str, old: str, new: str) -> None:
    """Changes the paths of parents that other studies have recorded and that the renamed study has trained."""
    storage = open_storage(url)
    for name in all_names(storage):
        store = StudyStore.open(storage, name)
        try:
            parents = recorded_parents(store)
        except UserError:  # a damaged study; what it began with cannot be told
            continue
        moved = [{**each, "file": _moved(each["file"], old, new)} if each.get("file") else each for each in parents]
        if moved != parents:
            record_parents(store, moved)


def _update(url: str, old: str, new: str) -> None:
    """Renames a study in a SQL storage, all or nothing."""
    engine = sqlalchemy.create_engine(url)
    first, replacement = f'"models/{old}/', f'"models/{new}/'  # as JSON writes them: names of studies need no escapes
    try:
        with engine.begin() as connection:

            def run(statement: str, **values: Any) -> Any:
                return connection.execute(sqlalchemy.text(statement), values)

            study = run("SELECT study_id FROM studies WHERE study_name = :old", old=old).scalar_one()
            run("UPDATE studies SET study_name = :new WHERE study_id = :study", new=new, study=study)
            for table in ("study_system_attributes", "study_user_attributes"):  # the latter in studies of version 0.1
                where = "WHERE study_id = :study AND key = :key"
                written = run(f"SELECT value_json FROM {table} {where}", study=study, key=STUDY_KEY).scalar()
                if written is not None:
                    renamed = json.dumps({**json.loads(written), "name": new})
                    run(f"UPDATE {table} SET value_json = :json {where}", json=renamed, study=study, key=STUDY_KEY)
            for table, key in (("trial_system_attributes", MODEL), ("trial_user_attributes", "model")):
                run(
                    f"UPDATE {table} SET value_json = :replacement || substr(value_json, :rest) "
                    "WHERE key = :key AND substr(value_json, 1, :length) = :first "
                    "AND trial_id IN (SELECT trial_id FROM trials WHERE study_id = :study)",
                    replacement=replacement,
                    rest=len(first) + 1,
                    key=key,
                    length=len(first),
                    first=first,
                    study=study,
                )
    finally:
        engine.dispose()


def _copy_and_delete(storage: BaseStorage, old: str, new: str) -> None:
    """Renames a study in a journal."""
    source = optuna.load_study(study_name=old, storage=storage)
    if new in all_names(storage):  # what a killed process has copied
        storage.delete_study(storage.get_study_id_from_name(new))
    storage.create_new_study(source.directions, new)
    copied = optuna.load_study(study_name=new, storage=storage)
    write_value(copied, COPY_KEY, old)
    ours = (STUDY_KEY, LEASE_KEY, COPY_KEY)
    for key, value in storage.get_study_system_attrs(source._study_id).items():
        if key not in ours:
            storage.set_study_system_attr(copied._study_id, key, value)
    for key, value in source.user_attrs.items():
        if key not in ours:
            copied.set_user_attr(key, value)
    for trial in storage.get_all_trials(source._study_id, deepcopy=False):
        storage.create_new_trial(copied._study_id, _with_model(trial, lambda model: _moved(model, old, new)))
    # last: without it, the copy is not taken for a study
    write_value(copied, STUDY_KEY, {**read_value(source, STUDY_KEY), "name": new})
    storage.delete_study(source._study_id)
    write_value(copied, COPY_KEY, "")


def _with_model(trial: FrozenTrial, moved: Callable[[str], str]) -> FrozenTrial:
    """A trial with the path of its model changed; earlier versions had it among the user attributes."""
    changed = copy.copy(trial)
    if MODEL in trial.system_attrs:
        changed.system_attrs = {**trial.system_attrs, MODEL: moved(trial.system_attrs[MODEL])}
    if "model" in trial.user_attrs:
        changed.user_attrs = {**trial.user_attrs, "model": moved(trial.user_attrs["model"])}
    return changed


def _moved(path: str, old: str, new: str) -> str:
    """A path below the workspace, of a file of the renamed study as it is after the renaming; others stay as they are."""
    for folder in ("models", "studies"):
        if path.startswith(f"{folder}/{old}/"):
            return f"{folder}/{new}/{path.removeprefix(f'{folder}/{old}/')}"
    return path
