"""Which version of its components a network is trained with, so that no training is continued with other arithmetic."""

from __future__ import annotations

from search_space.architecture import Architecture
from search_space.rules import CATALOGS


def component_versions(architecture: Architecture) -> dict[str, int]:
    """The versions of an architecture's components, by field.

    Args:
        architecture: its components are imported.

    Returns:
        Field to version (`search_space.contracts`), without those of version 1, so that most architectures give an empty dict.
    """
    found: dict[str, int] = {}
    for field, catalog in CATALOGS.items():
        name = str(getattr(architecture, field)).split("/")[0]
        version = getattr(catalog[name], "version", 1) if name in catalog else 1
        if version > 1:
            found[field] = version
    return found
