"""Which engine a study runs on."""

from __future__ import annotations

from studies.definition.sections import Search
from studies.engines.base import Engine

RUN_KEYS = ("workers", "engine", "address", "cpus_per_trial", "gpus_per_trial", "gpu_memory_per_trial", "shared")
"""Keys of `[search]` that belong to a run and not to the study: where it trains may change from one to the next."""


def engine_for(search: Search) -> Engine:
    """Starts the engine that a study asks for.

    Raises:
        UserError: it asks for a cluster that does not answer, or that has no room.
    """
    if search.engine == "ray":
        from studies.engines.ray_engine import RayEngine
        from studies.engines.remote_worker import Share

        share = Share(search.cpus_per_trial, search.gpus_per_trial, search.gpu_memory_per_trial)
        return RayEngine(search.address, search.workers, share, search.shared)
    from studies.engines.local import LocalEngine

    return LocalEngine(search.workers)


def of_this_run(stored: Search, asked: Search) -> Search:
    """A study's settings, with those of this run."""
    return stored.model_copy(update={key: getattr(asked, key) for key in RUN_KEYS})
