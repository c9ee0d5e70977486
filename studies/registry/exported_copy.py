"""Copies the ONNX file of a registered model, of a trial or of another file to where a user wants it."""

from __future__ import annotations

from pathlib import Path

from studies.registry.model_lookup import find_model
from studies.storage.pareto_front import load_points, pick
from studies.workspace.paths import Workspace
from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.inference.example_program import example_program
from trainers.inference.reader import Reader


def export_model(
    name: str | None,
    file: Path,
    workspace: Workspace,
    trial: int | None = None,
    example: bool = False,
    plain: str | None = None,
) -> tuple[str, Path | None]:
    """Copies a model to a file, and writes a Python program that reads with it beside it.

    Args:
        name: of a model (`studies.registry.model_lookup.FORMS`); with `trial`, of a study; None is the newest champion.
        file: to write; its name ends with `.onnx`.
        workspace: holds the registry and the studies.
        trial: number of a trial of the study.
        example: whether to write the program, `NAME_example.py`.
        plain: "fp32" or "fp16" writes the weights as ordinary tensors (`trainers.export.plain`); None copies the file as it is.

    Returns:
        What to call the model, and the program; None without one.

    Raises:
        UserError: there is no such model or trial, its file is damaged, or a file is there already and is another.
        OSError: it cannot be written.
    """
    if file.suffix != ".onnx":
        raise UserError(f"{file} must end with .onnx")
    if trial is None:
        found = find_model(name, workspace)
        source, title = found.file, found.title
    else:
        source, title = _file_of_trial(name, trial, workspace), f"trial {trial} of study '{name}'"
    reader = Reader(source)
    program = file.with_name(f"{file.stem}_example.py") if example else None
    written = {file: source.read_bytes() if plain is None else _plain(source, plain)}
    if program is not None:
        written[program] = example_program(reader.metadata, file.name, program.name).encode()
    for path, content in written.items():
        if path.exists() and (not path.is_file() or path.read_bytes() != content):
            raise UserError(f"{path} is there already, with other content; delete it or choose another name")
    for path, content in written.items():
        with atomic_write(path) as temporary:
            temporary.write_bytes(content)
    return title, program


def _plain(source: Path, precision: str) -> bytes:
    """A file with ordinary weights."""
    from trainers.export.plain import plain_bytes  # brings torch, which copying a file does not need

    return plain_bytes(source, precision)


def _file_of_trial(name: str | None, trial: int, workspace: Workspace) -> Path:
    """The file of a trial, as it was measured.

    Raises:
        UserError: there is no such study or trial, or its file is missing or has changed.
    """
    if name is None:
        raise UserError(f"name the study of trial {trial}")
    point = pick(load_points(workspace, name), trial=trial, name=f"study '{name}'")
    file = Path(point.model)
    if not file.is_file():
        raise UserError(f"the file of trial {trial} of '{name}' no longer exists: {file}")
    if point.sha256 not in (None, file_sha256(file)):
        raise UserError(f"{file} has changed since it was measured; choose another trial, or restore it from a copy")
    return file
