"""Pretrained weights for a training's beginning, only where a recipe asks for them."""

from __future__ import annotations

from pathlib import Path

from search_space.backbones.timm import TimmBackbone
from search_space.recognizer import Recognizer
from search_space.timm_adapter import WeightsUnavailable
from trainers.base.errors import UserError


def begin_pretrained(recognizer: Recognizer, weights: str) -> bool:
    """Puts pretrained weights into a backbone, if it is one that has them.

    Args:
        recognizer: freshly built, on any device.
        weights: as in `Recipe.pretrained`, not empty.

    Returns:
        Whether anything was put in.

    Raises:
        UserError: the file is not there, the weights cannot be fetched, or they are those of another model.
    """
    if not isinstance(recognizer.backbone, TimmBackbone):
        return False
    if weights != "timm" and not Path(weights).is_file():
        raise UserError(f'recipe.pretrained: there is no file {weights}; name one, or "timm" for published weights')
    try:
        return recognizer.backbone.adopt(weights)
    except WeightsUnavailable as fault:
        raise UserError(f"recipe.pretrained: {fault}; train without, or name a file with the weights") from fault
