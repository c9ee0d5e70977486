"""What `search.begin` and `paretext train --begin` may say; what it names is looked up later (`studies.run.parents`)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from search_space.catalog import nearest
from studies.definition.model_address import SCHEME, parse_address
from trainers.base.errors import UserError

RANDOM: Final = "random"
"""Begin with random weights."""
STARTER: Final = "starter"
"""Begin with the starter weights of the package."""
STUDY: Final = "study:"
"""Prefix of the name of a study, whose front holds the models to begin with."""
EXPORTED, WEIGHTS = ".onnx", ".safetensors"
"""Suffixes of an exported model and of a file of weights."""
FORMS = "starter, random, models:/NAME@champion, models:/NAME/VERSION, study:NAME, or a .onnx or .safetensors file"
"""Everything that can be begun with, for messages and help."""
UNSAFE_SUFFIXES = (".pt", ".pth", ".ckpt", ".pkl", ".bin")
"""Suffixes of pickled files, which can run code when they are loaded; the message says what to give instead."""


def absolute_begin(text: str) -> str:
    """The same text with the absolute path of a file, so that a study finds it from any folder. `~` is the user's home."""
    return str(Path(text).expanduser().absolute()) if not text.startswith((SCHEME, STUDY)) and Path(text).suffix else text


def begin_fault(text: str) -> str | None:
    """What is wrong with a text that says what to begin with, or None; models, files and studies are not looked up."""
    suffix = Path(text).suffix.lower()
    if text.startswith(SCHEME):
        try:
            parse_address(text)
        except UserError as error:
            return str(error)
        return None
    if text == STUDY:
        return "study: needs the name of a study, such as study:digits"
    if text in (RANDOM, STARTER) or text.startswith(STUDY) or suffix in (EXPORTED, WEIGHTS):
        return None
    if suffix in UNSAFE_SUFFIXES:
        return f"'{text}' may be pickled and could run code when it is loaded; give the exported {EXPORTED} file instead"
    if not text.strip():
        return f"it says nothing to begin with; write {FORMS}"
    return f"nothing to begin with is called '{text}'{nearest(text, [STARTER, RANDOM])} (known: {FORMS})"
