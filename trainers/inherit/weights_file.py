"""Weights files: a trained network with its architecture, charset and history in one safetensors file.

Decisions:
- Nothing in the file is executed. Whatever it holds, reading it gives a network of this version's components or a `UserError`.
- All that is not a tensor is one JSON text in the file's metadata: safetensors writes several texts in random order, and equal
  weights shall give equal bytes.
- Kernels and matrices are stored as fp16. Vectors (biases, BatchNorm) keep fp32: they are few, and rounding hurts them more.
- The record says how far the network and its own parents were trained, so that a study can show it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import Field
from safetensors.torch import load, save
from torch import Tensor

from search_space.architecture import Architecture, RefusedArchitecture
from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError
from trainers.base.regular_file import read_regular
from trainers.base.strict_model import StrictModel
from trainers.inherit.relative import Relative
from trainers.pruning.mask import PrunedChannels

SUFFIX = ".safetensors"
"""Ending of a weights file's name, by which the study file and the command line tell it from an exported one."""
FORMAT = 1
"""Version of the metadata; a new number when this version would misread what a later one writes."""
KEY = "paretext"
"""Key of the JSON text in the file's metadata."""
MOST_BYTES = 512 << 20
"""Size of a file that is read: 250 million weights in fp16, ten times as many as the largest network of the space."""
MOST_HEADER_BYTES = 4 << 20
"""Size of a header that is parsed: a thousand tensors and 20,000 characters take 200 kB."""


class WeightsRecord(StrictModel):
    """How the weights came about.

    Attributes:
        epochs: that the network was trained, those of its parents included.
        lines: training lines that were shown meanwhile, each time counted.
        cer: character error rate on the validation lines of its training; None if unknown.
        lineage: its parents, newest first, each as plain JSON: name, architecture digest, epochs, lines, sha256.
    """

    epochs: int = Field(ge=0)
    lines: int = Field(ge=0)
    cer: float | None = Field(default=None, ge=0)
    lineage: tuple[dict[str, Any], ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WeightsRecord:
        """Builds a record from what `as_dict` gave, also after a way through JSON, which has no tuples.

        Raises:
            InvalidSettings: a key is unknown, or a value is missing or out of range.
        """
        lineage = values.get("lineage", ())
        return cls(**{**values, "lineage": tuple(lineage) if isinstance(lineage, list) else lineage})


def write_weights(file: Path, relative: Relative, record: WeightsRecord, dtype: torch.dtype = torch.float16) -> None:
    """Writes a weights file atomically; equal values give equal bytes.

    Args:
        file: where to; its name should end in `SUFFIX`. A file that is there is replaced.
        relative: the network.
        record: how its weights came about.
        dtype: how kernels and matrices are stored. A tensor with values beyond its range is stored as fp32.

    Raises:
        UserError: a weight is not a finite number.
        OSError: the file cannot be written.
    """
    faulty = _not_finite(relative.state)
    if faulty is not None:
        raise UserError(f"{file} is not written: {faulty} has values that are not finite; keep the weights of an earlier epoch")
    header = {
        "format": FORMAT,
        "architecture": relative.architecture.changed(),
        "charset": list(relative.charset),
        "pruned": None if relative.pruned is None else relative.pruned.as_dict(),
        "record": record.as_dict(),
        "nested": relative.nested,
    }
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    content = save({name: _stored(tensor, dtype) for name, tensor in sorted(relative.state.items())}, {KEY: text})
    with atomic_write(file) as unfinished:
        unfinished.write_bytes(content)


def read_weights(file: Path) -> tuple[Relative, WeightsRecord]:
    """Reads a weights file.

    Args:
        file: a file that `write_weights` wrote.

    Returns:
        The network, its tensors in fp32 on the CPU, and how its weights came about. `Relative.network()` has been tried.

    Raises:
        UserError: there is no such file, Paretext did not write it or a later version did, it is too large or damaged, or its
            network cannot be built.
    """
    try:
        content = read_regular(file, MOST_BYTES)
    except FileNotFoundError:
        raise UserError(f"there is no weights file {file}; name a {SUFFIX} file that Paretext wrote") from None
    except (OSError, UserError) as error:
        raise UserError(f"{file} cannot be read as weights: {getattr(error, 'strerror', None) or error}") from None
    header = _header(content, file)
    try:
        pruned = header["pruned"]
        relative = Relative(
            Architecture.from_dict(header["architecture"]),
            _charset(header["charset"]),
            {name: t.float() if t.is_floating_point() else t for name, t in load(content).items()},
            None if pruned is None else PrunedChannels.from_dict(pruned),
            nested=header["nested"] is True,
        )
        record = WeightsRecord.from_dict(header["record"])
        _check(relative)
    except RefusedArchitecture as refused:
        raise UserError(f"the network of {file} cannot be built: {refused}") from None
    except Exception as error:  # damaged content makes safetensors, torch and the cut of pruned channels raise almost anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{file} is damaged ({reason}); take another copy, or begin with other weights") from None
    return relative, record


def _header(content: bytes, file: Path) -> dict[str, Any]:
    """The JSON object that `write_weights` put into the metadata.

    Raises:
        UserError: it is not there, or a later version wrote it.
    """
    foreign = UserError(
        f"{file} is not a weights file of Paretext; give a {SUFFIX} file that it wrote, or an exported .onnx file"
    )
    size = int.from_bytes(content[:8], "little")
    if not 2 <= size <= min(MOST_HEADER_BYTES, len(content) - 8):
        raise foreign
    try:
        header = json.loads(json.loads(content[8 : 8 + size])["__metadata__"][KEY])
        found = header["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise foreign from None
    if found != FORMAT:
        raise UserError(
            f"{file} has format {found!r}, this version reads {FORMAT}; update Paretext, or write the file with this one"
        )
    return dict(header)


def _charset(symbols: Any) -> tuple[str, ...]:
    """The symbols of a charset that a file gives.

    Raises:
        ValueError: they are not different characters.
    """
    if not isinstance(symbols, list) or not all(isinstance(s, str) and len(s) == 1 for s in symbols):
        raise ValueError("its charset is not a list of characters")
    if not symbols or len(set(symbols)) != len(symbols):
        raise ValueError("its charset is empty or has a character twice")
    return tuple(symbols)


def _check(relative: Relative) -> None:
    """Builds the network, so that what cannot be built is found here.

    Raises:
        ValueError: the weights are not finite, or not those of the network.
    """
    faulty = _not_finite(relative.state)
    if faulty is not None:
        raise ValueError(f"{faulty} has values that are not finite")
    largest = max((size for tensor in relative.state.values() for size in tensor.shape), default=0)
    if len(relative.charset) > largest:  # a head that nobody has weights for would take any amount of memory
        raise ValueError(f"its charset has {len(relative.charset)} symbols, and no tensor is that large")
    relative.network()


def _not_finite(state: Mapping[str, Tensor]) -> str | None:
    """Name of the first tensor with a value that is not finite."""
    return next((name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())), None)


def _stored(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """A copy on the CPU as it is written."""
    tensor = tensor.detach().cpu()
    if not tensor.is_floating_point():
        return tensor.contiguous().clone()
    beyond = bool((tensor.abs() > torch.finfo(dtype).max).any())
    return tensor.to(torch.float32 if tensor.ndim < 2 or beyond else dtype, copy=True).contiguous()
