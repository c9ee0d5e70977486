"""Catalog of further samplers: a file in this folder, or an installed package with an entry point `paretext.sampler`.

`front` and Optuna's samplers are built in (`studies.samplers.optuna_based.factory`); `docs/extending-samplers.md` adds one.
"""

from __future__ import annotations

from collections.abc import Callable

from search_space.catalog import Catalog
from studies.samplers.base import Sampler

samplers: Catalog[Callable[..., Sampler]] = Catalog("sampler", "studies.samplers")
"""Name to a class or function with the arguments (distributions, directions, seed, rungs) that returns a `Sampler`."""
