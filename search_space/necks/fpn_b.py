"""FPN-B: FPN-A on the last block of each stage."""

from __future__ import annotations

from search_space.catalog import Citation
from search_space.contracts import Tap
from search_space.necks import necks
from search_space.necks.fpn_a import FpnA


@necks.register("fpn_b", Citation("Feature Pyramid Networks for Object Detection", 2016, "https://arxiv.org/abs/1612.03144"))
class FpnB(FpnA):
    """As FPN-A, with maps that their whole stage has worked on."""

    tap: Tap = "last"
