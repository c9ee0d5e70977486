"""Known recognisers by name: the published figures and the architecture of each.

A family is one file in this folder with a table `MODELS`. Nothing here imports torch.
"""

from __future__ import annotations

from search_space.architecture import Architecture
from search_space.catalog import nearest
from search_space.zoo import modern, seed
from search_space.zoo.published import Published

__all__ = ["FAMILIES", "Published", "UnknownModel", "architecture", "names", "published"]

FAMILIES: dict[str, dict[str, Published]] = {"seed": seed.MODELS, "modern": modern.MODELS}
"""Family to its models, in the order in which they are listed."""


class UnknownModel(ValueError):
    """No family has a model of this name; the message has the nearest one."""


def names(family: str | None = None) -> list[str]:
    """Names of a family's models, or of all.

    Raises:
        UnknownModel: there is no such family.
    """
    if family is not None and family not in FAMILIES:
        raise UnknownModel(f"no family of known models is called '{family}'{nearest(family, list(FAMILIES))}")
    return [name for key, models in FAMILIES.items() if family in (None, key) for name in models]


def published(name: str) -> Published:
    """What is published about a model.

    Raises:
        UnknownModel: no family holds it.
    """
    for models in FAMILIES.values():
        if name in models:
            return models[name]
    raise UnknownModel(f"no known model is called '{name}'{nearest(name, names())}")


def architecture(name: str) -> Architecture:
    """The architecture of a known model.

    Raises:
        UnknownModel: no family holds it.
    """
    return Architecture.from_dict(published(name).fields)
