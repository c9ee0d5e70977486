"""What may be built, how big it is, and how to build it. Knows nothing of studies; imports torch only when building."""

from search_space.architecture import Architecture, RefusedArchitecture
from search_space.space import SearchSpace
from search_space.units import parse_size, write_size

__all__ = ["Architecture", "RefusedArchitecture", "SearchSpace", "parse_size", "write_size"]
