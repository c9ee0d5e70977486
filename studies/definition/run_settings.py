"""Settings that belong to a run and not to the study: where it trains may change from one run to the next."""

from __future__ import annotations

from studies.definition.sections import Search

RUN_KEYS = (
    "workers",
    "engine",
    "address",
    "cpus_per_trial",
    "gpus_per_trial",
    "gpu_memory_per_trial",
    "shared",
    "weights_limit",
)
"""Keys of `[search]` that a resumed study takes from the new request."""


def of_this_run(stored: Search, asked: Search) -> Search:
    """The settings of a stored study with where this run trains.

    Args:
        stored: as the study was first resolved.
        asked: what this run asks for.
    """
    return stored.model_copy(update={key: getattr(asked, key) for key in RUN_KEYS})
