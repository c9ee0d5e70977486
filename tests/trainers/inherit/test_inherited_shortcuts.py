"""Blocks that have a shortcut in only one of two networks: LCNet's are taken over, MobileNetV3's do not count as inherited."""

import itertools
from dataclasses import replace

import pytest
import torch

from search_space.recognizer import Recognizer
from testing.relatives import CHARSET, SMALL, close, fresh, logits, trained
from trainers.inherit.inherit import inherit
from trainers.inherit.relative import Relative
from trainers.inherit.share import inherited_share

LCNET = SMALL.with_(backbone="lcnet", encoder="none", attention="none")
MOBILE = SMALL.with_(encoder="none")
BLOCK = "backbone.blocks.6."


def same_branches(recognizer: Recognizer) -> set[str]:
    return {name for name, _ in recognizer.named_modules() if name.endswith(".same")}


@pytest.mark.parametrize(("before", "after"), [(25, 50), (50, 75), (50, 100)])
def test_a_wider_lcnet_takes_over_the_branches_that_it_lacks(before: int, after: int) -> None:
    relative, child = trained(LCNET.with_(width_percent=before)), fresh(LCNET.with_(width_percent=after)).double()
    assert same_branches(relative) - same_branches(child)
    inherit(child, CHARSET, Relative.of(relative, CHARSET))
    close(logits(child), logits(relative))


def test_a_narrower_lcnet_gains_no_branch_that_was_never_trained() -> None:
    """A wide network whose other channels are silent, cut to the narrow one, computes the same."""
    narrow, wide = trained(LCNET.with_(width_percent=50)), fresh(LCNET.with_(width_percent=75)).double()
    with torch.no_grad():
        for tensor in wide.parameters():
            tensor.zero_()
    inherit(wide, CHARSET, Relative.of(narrow, CHARSET))
    child = fresh(narrow.architecture).double()
    (gained,) = same_branches(child) - same_branches(wide)
    inherit(child, CHARSET, Relative.of(wide, CHARSET))
    assert not child.state_dict()[f"{gained}.weight"].any()
    torch.testing.assert_close(logits(child), logits(narrow), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("backbone", "after"), [("mobilenetv3_small", 75), ("mobilenetv3_small", 100), ("timm/mobilenetv3_small_100", 75)]
)
def test_a_block_whose_shortcut_is_lost_does_not_count(backbone: str, after: int) -> None:
    block = BLOCK if backbone == "mobilenetv3_small" else "backbone.model.blocks.3.0."
    architecture = MOBILE.with_(backbone=backbone, width_percent=50)
    relative, child = trained(architecture), fresh(architecture.with_(width_percent=after))
    found = inherit(child, CHARSET, Relative.of(relative, CHARSET))
    assert {tensor.name for tensor in found.tensors if tensor.altered} == {n for n, _ in child.named_parameters() if block in n}
    assert all(tensor.inherited and not tensor.counted for tensor in found.tensors if tensor.altered)
    copied = sum(tensor.inherited for tensor in found.tensors) / sum(tensor.entries for tensor in found.tensors)
    assert 0 < found.share < copied
    assert (logits(child) - logits(relative)).abs().max() > 1e-3, "no weights make up for the shortcut"


def test_networks_with_the_same_shortcuts_count_all_of_them() -> None:
    for before, after in ((25, 50), (75, 100), (100, 75)):
        relative, child = trained(MOBILE.with_(width_percent=before)), fresh(MOBILE.with_(width_percent=after))
        assert not any(tensor.altered for tensor in inherit(child, CHARSET, Relative.of(relative, CHARSET)).tensors)


def test_narrower_networks_of_starter_weights_were_trained_with_their_shortcuts() -> None:
    wide, narrow = MOBILE.with_(width_percent=100), MOBILE.with_(width_percent=50)
    assert inherited_share(narrow, wide, CHARSET, nested=True) == 1 > inherited_share(narrow, wide, CHARSET)
    relative = replace(Relative.of(trained(wide), CHARSET), nested=True)
    assert inherit(fresh(narrow), CHARSET, relative).share == 1


def test_a_wider_network_than_starter_weights_lacks_their_shortcuts() -> None:
    relative, child = trained(MOBILE.with_(width_percent=50)), fresh(MOBILE.with_(width_percent=75))
    found = inherit(child, CHARSET, replace(Relative.of(relative, CHARSET), nested=True))
    assert any(tensor.altered for tensor in found.tensors)


def test_no_lcnet_lacks_a_branch_that_a_wider_one_has() -> None:
    branches = [same_branches(fresh(LCNET.with_(width_percent=width))) for width in (100, 75, 50, 25, 15)]
    assert all(wider <= narrower for wider, narrower in itertools.pairwise(branches))
