"""Architectures: which can be built, how large they are, and how they are built. Imports torch only when it builds one."""

from search_space.architecture import Architecture, RefusedArchitecture
from search_space.space import SearchSpace
from search_space.units import parse_size, write_size

__all__ = ["Architecture", "RefusedArchitecture", "SearchSpace", "parse_size", "write_size"]
