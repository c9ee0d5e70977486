"""The adapter to timm: the only file that imports it, so that a breaking release changes only this file.

Decisions:
- timm imports torchvision. If the builds of torch and torchvision differ, two operators of torchvision are missing and the
  import fails. Only then are they declared; they are never run.
- Only `pretrained_features` uses the network, when pretrained weights are asked for.
- Width multipliers of the families of `timm.models._efficientnet_builder` are set through private functions (the package pins
  timm below 1.1); all others through public arguments.
"""

from __future__ import annotations

import importlib
import logging
import sys
from functools import lru_cache
from types import ModuleType
from typing import Any

import torch
from torch import nn

_OPERATORS = {
    "torchvision::nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "torchvision::qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}


class WeightsUnavailable(ValueError):
    """Pretrained weights cannot be loaded; the message says which and why."""


class TimmUnavailable(ImportError):
    """timm cannot be imported; the message says what to install."""


@lru_cache(maxsize=1)
def timm() -> ModuleType:
    """The timm package.

    Raises:
        TimmUnavailable: it is not installed, or cannot be imported.
    """
    try:
        return importlib.import_module("timm")
    except ModuleNotFoundError as error:
        raise TimmUnavailable(f"timm/… backbones need timm and torchvision ({error}); pip install timm") from error
    except RuntimeError as error:
        if not any(f"operator {name} does not exist" in str(error) for name in _OPERATORS):
            raise TimmUnavailable(f"timm cannot be imported: {error}") from error
    for name, schema in _OPERATORS.items():
        torch.library.define(name, schema)
    for half_imported in [name for name in sys.modules if name.split(".")[0] in ("timm", "torchvision")]:
        del sys.modules[half_imported]
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError) as error:
        raise TimmUnavailable(f"torchvision does not fit torch {torch.__version__}: {error}") from error


@lru_cache(maxsize=1)
def model_names() -> tuple[str, ...]:
    """All models that timm can build, sorted."""
    return tuple(timm().list_models())


def create_features(name: str, out_indices: tuple[int, ...], **arguments: Any) -> nn.Module:
    """A timm model with initial weights that returns feature maps, coarsest last.

    Args:
        name: a timm model.
        out_indices: which of its feature levels; negative counts from the coarsest.
        arguments: further arguments of the model.
    """
    model: nn.Module = timm().create_model(name, features_only=True, out_indices=out_indices, **arguments)
    return model


def pretrained_features(name: str, out_indices: tuple[int, ...], weights: str) -> nn.Module:
    """A timm model with pretrained weights that returns feature maps, coarsest last.

    Args:
        name: a timm model.
        out_indices: which of its feature levels.
        weights: "timm" for the weights that timm publishes, from its cache or the network; otherwise a file with the model's
            weights under timm's names.

    Raises:
        WeightsUnavailable: the weights cannot be loaded, or they are those of another model.
    """
    where = f"{'published weights' if weights == 'timm' else f'the weights in {weights}'} for {name}"
    changes = {} if weights == "timm" else {"pretrained_cfg_overlay": {"file": weights}}
    logger = logging.getLogger("timm")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        random = create_features(name, out_indices)
        torch.manual_seed(0)
        level = logger.level
        logger.setLevel(logging.ERROR)  # timm warns of the classifier, which no feature model has
        try:
            model = create_features(name, out_indices, pretrained=True, **changes)
        except Exception as error:  # whatever the hub's client, its network library or a broken file raise
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise WeightsUnavailable(f"{where} cannot be had: {reason}") from error
        finally:
            logger.setLevel(level)
    # timm silently ignores weights with other names: weights that still have their initial values were not loaded
    left = [
        path
        for (path, weight), drawn in zip(model.named_parameters(), random.parameters(), strict=True)
        if weight.ndim > 1 and torch.equal(weight, drawn)
    ]
    if left:
        raise WeightsUnavailable(f"{where} cannot be had: they are not that model's ({left[0]} is not among them)")
    return model


def builder_function(module: str, function: str) -> Any:
    """A function of `timm.models.<module>`; None if this release of timm does not have it."""
    timm()
    return getattr(importlib.import_module(f"timm.models.{module}"), function, None)


def reparameterized(model: nn.Module) -> nn.Module:
    """Merges the training branches of a model in place, if it has any; also of one whose channels have been cut."""
    timm()
    for block in model.modules():
        branch = getattr(block, "conv_kxk", None)
        if branch is not None:  # MobileOne and RepVGG keep the number of groups of before a cut
            first: Any = branch[0] if isinstance(branch, nn.ModuleList) else branch
            block.groups = first.conv.groups
    with next(model.parameters()).device:  # new layers are made on the device of the old ones, which may be the meta device
        merged: nn.Module = importlib.import_module("timm.utils").reparameterize_model(model, inplace=True)
    return merged
