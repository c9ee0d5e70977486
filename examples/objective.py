"""An objective in one file: a rough estimate of the energy of reading one line. See docs/extending-objectives.md."""

from __future__ import annotations

from typing import Any

from studies.objectives.objective import Objective

MULTIPLY_ADD_PJ = 4.6
"""Picojoules of one multiply-add in fp32 (3.7 to multiply, 0.9 to add). Source: Horowitz, ISSCC 2014, 45 nm."""
BYTE_PJ = 160.0
"""Picojoules to read one byte of weights from DRAM (640 for 32 bits). Source: Han et al. 2015, arXiv 1506.02626."""


def energy() -> Objective:
    """Microjoules of one line: its multiply-adds, and reading all weights once."""
    return Objective("energy", "energy_uj", requires=("flops", "size_bytes"), function=_microjoules)


def _microjoules(costs: Any) -> float:
    return float(costs.flops * MULTIPLY_ADD_PJ + costs.size_bytes * BYTE_PJ) / 1e6
