"""Finds the labels of single image files in the files beside them."""

from __future__ import annotations

from pathlib import Path

from trainers.base.errors import UserError
from trainers.base.regular_file import MOST_LABEL_BYTES, MOST_LIST_BYTES, read_regular
from trainers.data.kinds.pairs import LABEL_SUFFIX, split_image


def labels_beside(paths: list[Path]) -> dict[Path, str]:
    """Reads the labels of images from `x.gt.txt`, or from a row `name<TAB>text` of `labels.txt`, in the folder of the image.

    Raises:
        UserError: an image has no label, or it cannot be read.
    """
    truths = {}
    for path in paths:
        split = split_image(path.name)
        label = path.with_name((split[0] if split else path.name) + LABEL_SUFFIX)
        listed = path.with_name("labels.txt")
        if label.is_file():
            truths[path] = _text(label, MOST_LABEL_BYTES).strip()
            continue
        rows = _text(listed, MOST_LIST_BYTES).splitlines() if listed.is_file() else []
        texts = [text.strip() for name, tab, text in (row.partition("\t") for row in rows) if tab and name == path.name]
        if not texts:
            raise UserError(f"{path} has no truth beside it: write {label.name}, or a row of labels.txt, or leave --truth out")
        truths[path] = texts[0]
    return truths


def _text(path: Path, most_bytes: int) -> str:
    """Text of a label file.

    Raises:
        UserError: it cannot be read, is not UTF-8, or is too large to be one.
    """
    try:
        return read_regular(path, most_bytes).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text") from None
    except UserError as error:
        raise UserError(f"{path} is {error}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
