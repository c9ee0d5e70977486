"""Changes the strides of an image classifier of any family to those of a text-line reader.

Decisions:
- One forward pass of a square image records, for each strided layer, by how much rows and columns are divided before it.
  Parallel shortcuts are recorded as well; they agree, because they have the same input.
- The new strides for any height and time stride follow by arithmetic. Columns are divided until `column_stride` is reached.
  Rows are divided as in the model, but never an odd number of them, so the rows of every map are a multiple of those of the
  next.
- If the windows of a layer do not overlap (kernel = stride, no padding), its kernel shrinks with its stride.
- The pass runs on the meta device, without values, and takes a tenth of a second for a network of any size.
- Layers are recorded by module path, so a recording is valid for every width of the same model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from search_space.pooled_batch_norm import PooledBatchNorm

Pair = tuple[int, int]
RECORDED_SIDE = 256
"""Rows and columns of the recorded image: a power of two, so that each padded layer divides it evenly."""


class Unfit(ValueError):
    """The strides of the model cannot be changed to those of a text-line reader; the message says why."""


@dataclass(frozen=True)
class StridedLayer:
    """A layer that divides its input.

    Attributes:
        path: name of the module in the model.
        stride: (rows, columns).
        shrinks: whether the kernel shrinks with the stride, because its windows do not overlap.
        divided: factor by which its input is divided already, (rows, columns).
    """

    path: str
    stride: Pair
    shrinks: bool
    divided: Pair


@dataclass(frozen=True)
class Recording:
    """The result of one recorded pass through a model.

    Attributes:
        layers: strided layers, in the order of their execution.
        pooled_norms: BatchNorms whose input has one value per channel, which torch cannot train on a batch of one.
        unreached: modules with weights that no feature map depends on.
    """

    layers: tuple[StridedLayer, ...]
    pooled_norms: tuple[str, ...]
    unreached: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """New strides of one layer.

    Attributes:
        path: the module's name in the model.
        kernel: (rows, columns); None leaves the kernel.
        stride: (rows, columns).
    """

    path: str
    kernel: Pair | None
    stride: Pair


@dataclass(frozen=True)
class Layout:
    """The changes that make a model read text lines of one height.

    Attributes:
        changes: the layers to change.
        rows: rows of a map in the changed model, by the factor that divides its rows in the unchanged one.
    """

    changes: tuple[Change, ...]
    rows: dict[int, int]


def record(model: nn.Module) -> Recording:
    """Runs a model on a square image on the meta device, and records its strided layers.

    Raises:
        Unfit: a layer does not divide the image evenly.
    """
    model.eval()
    layers: list[StridedLayer] = []
    pooled: list[str] = []
    reached: set[str] = set()
    hooks = []
    for path, module in model.named_modules():
        if next(module.parameters(recurse=False), None) is not None:
            hooks.append(module.register_forward_pre_hook(_note(path, reached, pooled)))
        if _is_strided(module):
            hooks.append(module.register_forward_pre_hook(_measure(path, layers)))
    with torch.no_grad():
        model(torch.empty(1, 3, RECORDED_SIDE, RECORDED_SIDE, device="meta"))
    for hook in hooks:
        hook.remove()
    return Recording(tuple(layers), tuple(pooled), tuple(_highest_unreached(model, reached)))


def layout_for(recording: Recording, height_px: int, column_stride: int) -> Layout:
    """Computes the changes for lines of a height.

    Args:
        recording: recording of the model.
        height_px: rows of the image.
        column_stride: columns of the image per column of the coarsest map.

    Raises:
        Unfit: some strides are not attributes of layers, or those of parallel layers cannot be made equal.
    """
    rows, columns = {1: height_px}, {1: 1}
    changes = []
    for layer in recording.layers:
        down, across = layer.divided
        if down not in rows or across not in columns:
            raise Unfit("some of its strides are not layers")
        arriving = rows[down]
        room = column_stride // columns[across]
        new = (
            _largest(layer.stride[0], lambda s, arriving=arriving: arriving % s == 0),  # type: ignore[misc]
            _largest(layer.stride[1], lambda s, room=room: s <= room),  # type: ignore[misc]
        )
        left = (arriving // new[0], columns[across] * new[1])
        if rows.setdefault(down * layer.stride[0], left[0]) != left[0]:
            raise Unfit(f"parallel strides leave different rows of {height_px}")
        if columns.setdefault(across * layer.stride[1], left[1]) != left[1]:
            raise Unfit("parallel strides leave different columns")
        if new != layer.stride:
            changes.append(Change(layer.path, new if layer.shrinks else None, new))
    return Layout(tuple(changes), rows)


def apply_layout(model: nn.Module, recording: Recording, layout: Layout) -> None:
    """Applies changes to a model, which may have another width or fewer levels than the recorded one."""
    modules = dict(model.named_modules())
    for path in recording.unreached:
        if path in modules:
            parent, _, name = path.rpartition(".")
            setattr(modules[parent], name, nn.Identity())
    for change in layout.changes:
        if change.path in modules:
            _change(modules[change.path], change)
            _tell_parents(modules, change)
    for path in recording.pooled_norms:
        if path in modules:
            modules[path].__class__ = PooledBatchNorm


def pair(value: Any) -> Pair:
    """Converts a number or a pair to (rows, columns)."""
    if isinstance(value, (tuple, list)):
        return int(value[0]), int(value[-1])
    return int(value), int(value)


def _is_strided(module: nn.Module) -> bool:
    is_layer = isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) or type(module).__name__.startswith("BlurPool")
    return is_layer and max(pair(getattr(module, "stride", 1))) > 1


def _note(path: str, reached: set[str], pooled: list[str]) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        reached.add(path)
        if type(module) is nn.BatchNorm2d and inputs[0].shape[2:] == (1, 1):
            pooled.append(path)

    return hook


def _measure(path: str, layers: list[StridedLayer]) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        rows, columns = inputs[0].shape[2:]
        if RECORDED_SIDE % rows or RECORDED_SIDE % columns:
            raise Unfit(f"a layer without padding leaves {columns} of {RECORDED_SIDE} columns")
        divided = (RECORDED_SIDE // rows, RECORDED_SIDE // columns)
        layers.append(StridedLayer(path, pair(module.stride), _shrinks(module), divided))

    return hook


def _largest(stride: int, fits: Callable[[int], bool]) -> int:
    """The largest divisor of `stride` that fits; 1 if no other does."""
    return next((s for s in range(stride, 1, -1) if stride % s == 0 and fits(s)), 1)


def _shrinks(module: nn.Module) -> bool:
    """Whether the windows of a layer do not overlap. Layers that pad their own input do not count."""
    padding = getattr(module, "padding", 0)
    pads = type(module).__name__.endswith("Same") or isinstance(padding, str) or max(pair(padding)) > 0
    return pair(getattr(module, "kernel_size", 0)) == pair(module.stride) and not pads


def _change(module: Any, change: Change) -> None:
    module.stride = change.stride
    if change.kernel is None:
        return
    if isinstance(module, nn.Conv2d):
        (rows, columns), weight = change.kernel, module.weight.detach()
        parts = weight.reshape(*weight.shape[:2], rows, weight.shape[2] // rows, columns, weight.shape[3] // columns)
        module.weight = nn.Parameter(parts.sum(dim=(3, 5)))
    module.kernel_size = change.kernel


def _tell_parents(modules: dict[str, nn.Module], change: Change) -> None:
    """Updates the stride attribute of blocks that use it when their branches are merged."""
    names = change.path.split(".")
    for length in range(1, len(names)):
        parent: Any = modules[".".join(names[:length])]
        if hasattr(parent, "reparameterize") and hasattr(parent, "stride"):
            parent.stride = change.stride


def _highest_unreached(model: nn.Module, reached: set[str]) -> list[str]:
    """Modules with weights that no feature map depends on; of nested ones only the outermost."""
    found: list[str] = []
    for path, module in model.named_modules():
        inside = any(path.startswith(f"{above}.") for above in found)
        if not path or inside or isinstance(module, nn.Identity) or next(module.parameters(), None) is None:
            continue
        if not any(one == path or one.startswith(f"{path}.") for one in reached):
            found.append(path)
    return found
