"""Shortcuts around blocks that only one of two relatives has.

A block adds its input to its output where the two have equal shapes. Numbers of channels are rounded, so two stages that are
equally wide in one network may not be in a wider one. The seventh block of `mobilenetv3_small` has a shortcut at 25 and 50 % of
the width, and none at 75 and 100 %. A neck may change the stride of a block, too.

Decisions:
- The shortcuts of MobileNetV3 and of timm have no weights, so nothing that is copied can make up for them. The weights of such
  a block are copied, to begin with something that was trained, but do not count as inherited: the block does something else.
- In LCNet the shortcut is a branch with a BatchNorm. Where only the child has it, it begins with the scale 0 and adds nothing.
  Where only the relative has it, the first branch of the child takes it over. No network lacks a branch that a wider one has.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_space.backbones.lcnet import BranchedConv
from search_space.recognizer import Recognizer
from trainers.inherit.matching import Matching

ATTRIBUTES = ("shortcut", "has_skip")
"""What says that a block of our MobileNetV3, or of timm, adds its input to its output."""


def altered_blocks(child: Recognizer, relative: Recognizer) -> tuple[str, ...]:
    """Prefixes of the tensors of blocks that have a shortcut without weights in one of two networks, and none in the other."""
    others = dict(relative.named_modules())
    found = ((name, _adds_input(block), _adds_input(others.get(name))) for name, block in child.named_modules())
    return tuple(f"{name}." for name, adds, added in found if adds is not None and added is not None and adds != added)


def _adds_input(block: nn.Module | None) -> bool | None:
    """Whether a block adds its input; None if it is none that may."""
    values = (getattr(block, attribute, None) for attribute in ATTRIBUTES)
    return next((value for value in values if isinstance(value, bool)), None)


def gained_branches(child: Recognizer, relative: Recognizer) -> dict[str, nn.BatchNorm2d]:
    """Name to BatchNorm of the branches of the input that only the child has."""
    others, found = dict(relative.named_modules()), dict[str, nn.BatchNorm2d]()
    for name, module in child.named_modules():
        if isinstance(module, BranchedConv) and module.same is not None:
            other = others.get(name)
            if isinstance(other, BranchedConv) and other.same is None:
                found[f"{name}.same"] = module.same
    return found


@torch.no_grad()
def adapt_branches(child: Recognizer, relative: Recognizer, matching: Matching) -> None:
    """Makes branched convolutions with the branch of the input in one network only do what they did in the relative.

    Args:
        child: what corresponds has been copied; changed in place.
        relative: the trained network.
        matching: of the two.
    """
    for norm in gained_branches(child, relative).values():
        norm.weight.zero_()
    lost, modules = gained_branches(relative, child), dict(child.named_modules())
    for name, norm in lost.items():
        module = modules[name.removesuffix(".same")]
        sources = matching.sources(f"{name.removesuffix('.same')}.branches.0.0.weight")
        if sources is not None and isinstance(module, BranchedConv):
            _take_over(module, norm, sources)


def _take_over(module: BranchedConv, same: nn.BatchNorm2d, sources: list[list[int]]) -> None:
    """Adds a BatchNorm of the input to the first branch of a convolution.

    In eval mode the sum is exact. Its variance is taken as that of uncorrelated summands; when it is measured, the scale of a
    channel changes as far as they are correlated.

    Args:
        module: the child's; its inherited channels are changed in place.
        same: the relative's.
        sources: the relative's output and input channel that each of the child's takes, negative for others.
    """
    convolution, norm = module.branch_layers()[0]
    inputs = {source: place for place, source in enumerate(sources[1]) if source >= 0}
    kept = [(place, inputs[source], source) for place, source in enumerate(sources[0]) if source in inputs]
    rows, columns, channels = torch.tensor(kept, dtype=torch.int64).reshape(-1, 3).to(norm.weight.device).T
    mean, var = _statistics(norm)
    mean_of_input, var_of_input = (value.to(norm.weight)[channels] for value in _statistics(same))
    scale = norm.weight[rows] / torch.sqrt(var[rows] + norm.eps)
    added = same.weight.to(norm.weight)[channels] / torch.sqrt(var_of_input + same.eps)
    middle = convolution.weight.shape[2] // 2
    convolution.weight[rows] *= scale[:, None, None, None]
    convolution.weight[rows, columns, middle, middle] += added
    mean[rows] = scale * mean[rows] + added * mean_of_input
    var[rows] = scale**2 * var[rows] + added**2 * var_of_input
    norm.weight[rows] = torch.sqrt(var[rows] + norm.eps)
    norm.bias[rows] += same.bias.to(norm.bias)[channels]


def _statistics(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None and norm.running_var is not None
    return norm.running_mean, norm.running_var
