"""Finds the labels of single image files in the files beside them."""

from __future__ import annotations

from pathlib import Path

from trainers.base.errors import UserError
from trainers.data.kinds.pairs import LABEL_SUFFIX, split_image


def labels_beside(paths: list[Path]) -> dict[Path, str]:
    """Reads the labels of images from `x.gt.txt`, or from a row `name<TAB>text` of `labels.txt`, in the folder of the image.

    Raises:
        UserError: an image has no label.
    """
    truths = {}
    for path in paths:
        split = split_image(path.name)
        label = path.with_name((split[0] if split else path.name) + LABEL_SUFFIX)
        listed = path.with_name("labels.txt")
        if label.is_file():
            truths[path] = label.read_text(encoding="utf-8-sig").strip()
            continue
        rows = listed.read_text(encoding="utf-8-sig").splitlines() if listed.is_file() else []
        texts = [text.strip() for name, tab, text in (row.partition("\t") for row in rows) if tab and name == path.name]
        if not texts:
            raise UserError(f"{path} has no truth beside it: write {label.name}, or a row of labels.txt, or leave --truth out")
        truths[path] = texts[0]
    return truths
