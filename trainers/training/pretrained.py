"""Initialises a backbone with pretrained weights, where the recipe asks for them."""

from __future__ import annotations

from pathlib import Path

from search_space.backbones.timm import TimmBackbone
from search_space.recognizer import Recognizer
from search_space.timm_adapter import WeightsUnavailable
from trainers.base.errors import UnfitArchitecture, UserError


def load_pretrained(recognizer: Recognizer, weights: str) -> bool:
    """Loads pretrained weights into the backbone, if there are any for it.

    Args:
        recognizer: newly built, on any device; changed in place.
        weights: "timm" or a file, as in `Recipe.pretrained`; not empty.

    Returns:
        Whether weights were loaded.

    Raises:
        UserError: the file does not exist, or the weights cannot be downloaded.
        UnfitArchitecture: the file cannot be loaded, or its weights belong to another model.
    """
    if not isinstance(recognizer.backbone, TimmBackbone):
        return False
    if weights != "timm" and not Path(weights).is_file():
        raise UserError(f'recipe.pretrained: there is no file {weights}; name one, or "timm" for published weights')
    try:
        return recognizer.backbone.adopt(weights)
    except WeightsUnavailable as fault:
        kind = UserError if weights == "timm" else UnfitArchitecture
        raise kind(f"recipe.pretrained: {fault}; train without, or name a file with the weights") from fault
