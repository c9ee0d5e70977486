"""Finds what `search.begin` and `paretext train --begin` name: trained weights that new networks begin with.

random                   none
starter                  the starter weights of the package
models:/reader@champion  a registered model; so that it stays the same, its version is what is recorded
study:signs              the models on the front of a study, the best first
reader.onnx              an exported file
reader.safetensors       a weights file

Decisions:
- Each file gets its SHA-256 when it is found. If it is another one when a training begins, it is not used.
- Of a registered model only the ONNX file is read, after a comparison with the hash of its promotion. Nothing in its folder is
  executed.
- A model of a front whose file is missing or has changed is left out, as long as another one is left.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from search_space import Architecture
from studies.definition.begin_spec import EXPORTED, RANDOM, STARTER, STUDY, WEIGHTS, begin_fault
from studies.definition.model_address import SCHEME
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.inherit.parent import Parent

if TYPE_CHECKING:
    from studies.storage.front_point import FrontPoint
    from studies.workspace.paths import Workspace
    from trainers.trial.known_reader import KnownReader


def resolve_begin(text: str, workspace: Workspace) -> tuple[Parent, ...]:
    """Finds the weights that a text names.

    Args:
        text: one of `studies.definition.begin_spec.FORMS`.
        workspace: holds the registered models and the studies.

    Returns:
        The parents, the best first; none for random weights.

    Raises:
        UserError: the text has another form, there is no such model, version, study or file (the message has the nearest name),
            or a file is damaged or was not written by Paretext.
    """
    fault = begin_fault(text)
    if fault is not None:
        raise UserError(fault)
    if text == RANDOM:
        return ()
    if text == STARTER:
        return (Parent(STARTER),)
    if text.startswith(SCHEME):
        return (_registered(text, workspace),)
    if text.startswith(STUDY):
        return _of_front(text.removeprefix(STUDY), workspace)
    return (_of_file(Path(text).expanduser().absolute()),)


def _registered(address: str, workspace: Workspace) -> Parent:
    """A version of a registered model."""
    from studies.registry.model_registry import find

    version = find(workspace, address)
    file, tags = version.checked_file(), version.tags
    reader = _reader(file)
    return Parent(
        name=f"{SCHEME}/{version.model}/{version.version}",
        file=file,
        sha256=tags["sha256"],
        epochs=int(tags.get("epochs", 0)) + reader.lineage_epochs,
        cer=float(tags["cer"]) if "cer" in tags else None,
        architecture=reader.architecture,
    )


def _of_front(study: str, workspace: Workspace) -> tuple[Parent, ...]:
    """The models on the front of a study, those that read best first."""
    from studies.storage.pareto_front import load_front

    front = sorted(load_front(workspace, study), key=lambda point: (point.cer, point.size_bytes))
    if not front:
        how = f"continue it with 'paretext search --name {study}', or begin otherwise"
        raise UserError(f"study '{study}' has no model that reads yet; {how}")
    there = [point for point in front if _is_whole(point)]
    if not there:
        raise UserError(f"no file on the front of study '{study}' is there as it was measured; the first is {front[0].model}")
    return tuple(
        Parent(
            name=f"study {study}, trial {point.trial}",
            file=Path(point.model),
            sha256=point.sha256,
            epochs=(point.epochs_trained or 0) + _reader(Path(point.model)).lineage_epochs,
            cer=point.cer,
            architecture=Architecture.from_dict(point.architecture),
        )
        for point in there
    )


def _is_whole(point: FrontPoint) -> bool:
    """Whether the file of a point is there and, as far as that was recorded, the one that was measured."""
    file = Path(point.model)
    return file.is_file() and point.sha256 in (None, file_sha256(file))


def _of_file(file: Path) -> Parent:
    """An exported file or a weights file."""
    if not file.is_file():
        beside = sorted(p.name for p in file.parent.glob("*") if p.suffix.lower() in (EXPORTED, WEIGHTS))
        there = f"; beside it are {', '.join(beside[:5])}" if beside else ""
        raise UserError(f"there is no file {file} to begin with{there}")
    if file.suffix.lower() == EXPORTED:
        from trainers.trial.training_record import checked_record

        record, reader = checked_record(file), _reader(file)
        # without a record only the epochs of its ancestors are known
        digest, own = (file_sha256(file), 0) if record is None else (record.sha256, record.epochs_trained)
        return Parent(file.name, file, digest, own + reader.lineage_epochs, architecture=reader.architecture)
    from trainers.inherit.weights_file import read_weights  # brings torch

    relative, kept = read_weights(file)
    return Parent(file.name, file, file_sha256(file), kept.epochs, kept.lines, kept.cer, relative.architecture)


def _reader(file: Path) -> KnownReader:
    """What an exported file says of itself."""
    from trainers.trial.known_reader import KnownReader  # brings torch

    return KnownReader.of(file)
