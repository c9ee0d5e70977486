"""docTR training data: a folder `images/` and a file `labels.json` with {"image": "label"}.

Source: docTR, references/recognition/README.md.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trainers.base.errors import UserError
from trainers.base.regular_file import MOST_LIST_BYTES, read_regular
from trainers.data.kinds import data_kinds
from trainers.data.lines import Skipped
from trainers.data.source import DataKind, ListedImages, folder_or_none, is_image_name
from trainers.data.text_rows import as_utf8, conversion


class DoctrLabels(ListedImages):
    """The lines of a `labels.json`."""

    kind = "doctr"

    def rows(self) -> tuple[list[tuple[str, str]], list[Skipped]]:
        labels = read_labels(self.label_file)
        rows = [(name, label) for name, label in labels if isinstance(label, str)]
        skipped = [Skipped(name, "label is not text") for name, label in labels if not isinstance(label, str)]
        return rows, skipped


class _Object(list[tuple[str, Any]]):
    """A JSON object as its pairs in order: a name that is there twice is twice in it."""


def read_labels(path: Path) -> list[tuple[str, Any]]:
    """Reads the pairs of image and label of a file.

    Raises:
        UserError: the file is no JSON object; the message has the line of the mistake.
    """
    try:
        data = as_utf8(read_regular(path, MOST_LIST_BYTES))
        labels = json.loads(data.decode("utf-8"), object_pairs_hook=_Object)
    except UserError as error:
        raise UserError(f"{path} is {error}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not UTF-8 text (line {line}); convert it, for example: {conversion(data, path.name)}"
        ) from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is not valid JSON: {_mistake(error)} in line {error.lineno}") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else "a number of too many digits"
        raise UserError(f"{path} is not valid JSON: {reason}") from None
    if not isinstance(labels, _Object):
        raise UserError(f'{path} is not a JSON object of {{"image": "label"}}')
    return labels


def _mistake(error: json.JSONDecodeError) -> str:
    """What is wrong in words that are about the file, not about the parser."""
    if error.doc[: error.pos].rstrip().endswith(",") and error.doc[error.pos : error.pos + 1] in ("}", "]", ","):
        return "a comma too many"
    if "trailing comma" in error.msg:  # Python 3.13
        return "a comma too many"
    return error.msg[:1].lower() + error.msg[1:]


def _file(path: Path) -> Path:
    return path / "labels.json" if path.is_dir() else path


@data_kinds.register("doctr")
class DoctrKind(DataKind):
    """docTR data: a `labels.json`, or the folder that contains it."""

    order = 30

    def looks_like(self, path: Path) -> bool:
        """Whether the file is a JSON object with image names as keys."""
        file = _file(path)
        if file.suffix.lower() != ".json" or not file.is_file():
            return False
        try:
            labels = read_labels(file)
        except UserError:
            return False
        return any(is_image_name(name) for name, _ in labels[:50])

    def open(self, path: Path, extra: str | None) -> DoctrLabels:
        """Opens the labels at a path; `extra` is the folder of their images."""
        if not _file(path).is_file():
            raise UserError(f"{path} holds no labels.json")
        return DoctrLabels(_file(path), folder_or_none(extra))
