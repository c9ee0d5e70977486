"""Marks layers that learn at another rate than the rest of a network; the optimizer reads the marks."""

from __future__ import annotations

from torch import nn


def set_learning_rate_factor(layer: nn.Module, factor: float) -> None:
    """Makes the own parameters of a layer learn at a fraction of the recipe's rate.

    Args:
        layer: its submodules are not affected.
        factor: above 0; 1 is the rate of all other layers.
    """
    layer.learning_rate_factor = factor  # type: ignore[assignment]  # a plain attribute: copied with the module, not saved


def learning_rate_factor(layer: nn.Module) -> float:
    """The factor of a layer's own parameters; 1 where none was set."""
    return float(getattr(layer, "learning_rate_factor", 1.0))
