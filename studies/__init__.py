"""Which architecture is tried next, which one won, and where that is recorded. The Python API is `studies.api`."""

from studies.api import front, history, promote, reproduce, rollback, search

__all__ = ["front", "history", "promote", "reproduce", "rollback", "search"]
