"""Lists the weights and code parts of a recogniser from its modules, without running it.

Decisions:
- Weights follow from layers (`weights_of`), after BatchNorm is folded, with the gates of recurrent layers stacked as in ONNX.
- Nodes follow from code. Two modules with the same source of `forward`, the same boolean and text attributes and the same kinds
  of direct children export to the same nodes, whatever their widths. `Part.code` identifies them; `node_costs` has their bytes.
- All of this works on the meta device, where a network of any size is built in milliseconds.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from trainers.export.protobuf import varint_bytes

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Weight:
    """One float tensor of the file.

    Attributes:
        shape: its dimensions.
        axes: axes along which int8 has one scale per index; None for a tensor that is not stored in int8.
        divides: whether the network divides by it, as by the variances of a BatchNorm that is not folded: it is never coded.
    """

    shape: Shape
    axes: tuple[int, ...] | None
    divides: bool = False


@dataclass(frozen=True)
class Part:
    """A module with code of its own: any module except torch's single layers and lists of modules.

    Attributes:
        path: name of the module in the recogniser.
        code: class name and a digest of everything that its nodes depend on.
    """

    path: str
    code: str


def weights_of(model: nn.Module) -> Iterator[Weight]:
    """Every float tensor in the file of a recogniser in its final form, except constants of the code."""
    return (weight for _, weight in placed_weights(model))


def placed_weights(model: nn.Module) -> Iterator[tuple[str, Weight]]:
    """The tensors of `weights_of`, each with the name of its module."""
    folds_into: nn.Module | None = None
    for path, module in model.named_modules():
        if isinstance(module, _BatchNorm) and folds(folds_into, module):
            if folds_into.bias is None:  # type: ignore[union-attr]
                yield path, Weight((module.num_features,), None)
            folds_into = None
            continue
        found = list(_of_one(module))
        yield from ((path, weight) for weight in found)
        if found:
            folds_into = module


def folds(before: nn.Module | None, norm: _BatchNorm) -> bool:
    """Whether a norm is folded into the layer before it, which then has a bias."""
    return isinstance(before, nn.Conv2d | nn.ConvTranspose2d) and before.out_channels == norm.num_features


def _of_one(module: nn.Module) -> Iterator[Weight]:
    """The tensors of one module, without those of its children."""
    if isinstance(module, nn.GRU | nn.LSTM):
        yield from _recurrent(module)
        return
    passing = module._non_persistent_buffers_set  # torch writes these out as constants
    for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
        if tensor.is_floating_point() and name not in passing:
            yield Weight(tuple(tensor.shape), _axes(module, name), isinstance(module, _BatchNorm) and name == "running_var")


def _axes(module: nn.Module, name: str) -> tuple[int, ...] | None:
    """The axes of the scales, the same as `precision.channel_axes` finds in the graph."""
    if isinstance(module, nn.ConvTranspose2d):
        return (1,) if name == "weight" else None
    if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear | nn.Embedding):
        return (0,) if name == "weight" else None
    if isinstance(module, nn.GRUCell | nn.LSTMCell):
        return (0,) if name.startswith("weight") else None
    return None


def _recurrent(module: nn.GRU | nn.LSTM) -> Iterator[Weight]:
    """The tensors of a recurrent layer. ONNX stacks the directions: W, R, and the two biases of each gate in a row."""
    directions = 2 if module.bidirectional else 1
    gates = (3 if isinstance(module, nn.GRU) else 4) * module.hidden_size
    for layer in range(module.num_layers):
        inputs = module.input_size if layer == 0 else directions * module.hidden_size
        yield Weight((directions, gates, inputs), (0, 1))
        yield Weight((directions, gates, module.hidden_size), (0, 1))
        if module.bias:
            yield Weight((directions, 2 * gates), None)


def parts_of(model: nn.Module) -> list[Part]:
    """All modules with code of their own, the recogniser itself first."""
    return [Part(path, code_of(module)) for path, module in model.named_modules() if has_code(module)]


def has_code(module: nn.Module) -> bool:
    """Whether a module has code of its own; a single torch layer belongs to the module around it, and a list runs nothing."""
    if isinstance(module, nn.ModuleList | nn.ModuleDict | nn.ParameterList | nn.ParameterDict):
        return False
    return not type(module).__module__.startswith("torch.nn") or bool(module._modules)


def code_of(module: nn.Module) -> str:
    """Identifies the nodes of a module: class, source of `forward`, boolean and text attributes, kinds of its direct layers."""
    described = [type(module).__qualname__, _forward_text(type(module))]  # type: ignore[arg-type]
    described += sorted(f"{k}={v}" for k, v in vars(module).items() if _is_switch(k, v))
    described += _direct(module)
    return f"{type(module).__name__}-{sha256('|'.join(described).encode()).hexdigest()[:10]}"


@cache
def _forward_text(kind: Any) -> str:
    """The source of a class's `forward` without comments and layout; the name of its module if there is no source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind.forward)))
    except (OSError, TypeError, SyntaxError):
        return str(kind.__module__)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return ast.unparse(tree)


def _is_switch(name: str, value: object) -> bool:
    return not name.startswith("_") and name != "training" and (value is None or isinstance(value, bool | str))


def _direct(module: nn.Module) -> list[str]:
    """The kinds of the direct layers, also those in lists. Of children with code of their own it gives only the place."""
    kinds = []
    for name, child in module.named_children():
        if has_code(child):
            if not isinstance(module, nn.Sequential):
                kinds.append(name if not name.isdecimal() else "part")
        elif isinstance(child, nn.ModuleList | nn.ModuleDict):
            kinds.append(f"{name}[{','.join(_direct(child))}]")
        else:
            kinds.append(f"{name}:{_kind(child)}" if not name.isdecimal() else _kind(child))
    kinds += [f"{name}={parameter is not None}" for name, parameter in module._parameters.items()]
    return kinds


def _kind(layer: nn.Module) -> str:
    """A layer's class and the settings that its nodes depend on; of widths only whether they are written as an attribute."""
    name = type(layer).__name__
    if isinstance(layer, nn.GRU | nn.LSTM):
        return f"{name}{layer.num_layers}{layer.bidirectional}"
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d):
        strided = any(stride != 1 for stride in layer.stride)
        padded = any(padding not in (0, "valid") for padding in layer.padding)
        dilated = any(dilation != 1 for dilation in layer.dilation)
        return f"{name}{layer.bias is not None}{strided}{padded}{dilated}{layer.groups > 1 and varint_bytes(layer.groups)}"
    if layer._parameters:
        return f"{name}{layer._parameters.get('bias') is not None}"
    return f"{name}({layer.extra_repr()})"
