"""The only file that imports timm, so that its next breaking release, or a broken installation, is met here.

Decisions:
- torchvision, which timm imports, has two operators that a CPU build of torch lacks when torchvision's build is another
  one; they are declared, never run, and only when the plain import has failed for want of them.
- Pretrained weights only where they are asked for (`pretrained_features`); nothing else here reaches for the network.
- Width multipliers of the families built by `timm.models._efficientnet_builder` are reached through the private
  functions behind their public names (the package pins timm below 1.1); all others through public arguments.
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
    """Pretrained weights were asked for and cannot be had; the message says which and why."""


class TimmUnavailable(ImportError):
    """timm cannot be imported; the message says what to install."""


@lru_cache(maxsize=1)
def timm() -> ModuleType:
    """The timm package.

    Raises:
        TimmUnavailable: it is not installed, or cannot be imported even with the two operators declared.
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
    """A freshly initialised timm model that returns feature maps, coarsest last.

    Args:
        name: a timm model.
        out_indices: which of its feature levels; negative counts from the coarsest.
        arguments: further arguments of the model.
    """
    model: nn.Module = timm().create_model(name, features_only=True, out_indices=out_indices, **arguments)
    return model


def pretrained_features(name: str, out_indices: tuple[int, ...], weights: str) -> nn.Module:
    """The same with pretrained weights.

    Args:
        name: a timm model.
        out_indices: which of its feature levels.
        weights: "timm" for those that timm publishes, from its cache or from the network; anything else is a file with the
            model's weights by timm's names.

    Raises:
        WeightsUnavailable: there are none to be had, or they are those of another model.
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
    # timm passes over weights of other names in silence: what is still as it was drawn has not been loaded
    left = [
        path
        for (path, weight), drawn in zip(model.named_parameters(), random.parameters(), strict=True)
        if weight.ndim > 1 and torch.equal(weight, drawn)
    ]
    if left:
        raise WeightsUnavailable(f"{where} cannot be had: they are not that model's ({left[0]} is not among them)")
    return model


def builder_function(module: str, function: str) -> Any:
    """A function of `timm.models.<module>`, None where this release of timm has none of that name."""
    timm()
    return getattr(importlib.import_module(f"timm.models.{module}"), function, None)


def reparameterized(model: nn.Module) -> nn.Module:
    """The model with its training branches merged, changed in place; one without such branches is left as it is."""
    timm()
    with next(model.parameters()).device:  # new layers are made where the old ones are, be it on the meta device
        merged: nn.Module = importlib.import_module("timm.utils").reparameterize_model(model, inplace=True)
    return merged
