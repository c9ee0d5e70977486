"""Weights of a relative in a new network: exact where nothing differs, consistent where channels are taken or added."""

import copy
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch

from search_space.architecture import Architecture
from search_space.recognizer import Recognizer
from testing.full_space import drawn, full_space
from testing.relatives import CHARSET, SMALL, close, fresh, logits, trained
from testing.striped_lines import striped_lines
from testing.tiers import slow_after
from trainers.inherit.inherit import inherit
from trainers.inherit.layout import layout_of
from trainers.inherit.relative import Relative
from trainers.inherit.values import Group, Layout
from trainers.pruning.mask import cut_away
from trainers.pruning.recalibrate import recalibrate
from trainers.pruning.torch_pruning_adapter import PruningGraph

SHAPES: tuple[dict[str, Any], ...] = (
    {},
    {"neck": "fpn_a", "attention": "coordinate", "encoder": "svtr", "encoder_hidden": 32, "encoder_layers": 2},
    {"neck": "fpn_d", "attention": "none", "activation": "meta_acon_c", "encoder": "lstm", "encoder_layers": 2},
    {"backbone": "lcnet", "width_percent": 75, "neck": "fpn_c", "activation": "acon_c", "encoder": "none"},
    {"backbone": "resnet18", "head": "ctc_low_rank", "head_rank": 16, "pooling": "blur"},
    {"backbone": "mobilenetv3_large", "neck": "fpn_b", "head": "attention", "head_rank": 16, "encoder_layers": 2},
    {"backbone": "timm/mobilenetv3_small_100", "encoder": "none", "head": "attention", "head_rank": 16, "rectifier": "tps"},
    {"neck": "fpn_a", "auxiliary": "attention_guide"},
    {"neck": "fpn_b", "auxiliary": "super_resolution", "time_stride": 8, "height_px": 48},
)
"""Every kind of component; channel attention by neighbours (`eca`) is apart, because it depends on the order of channels."""


def names(fields: Mapping[str, Any]) -> str:
    return "-".join(map(str, fields.values())) or "default"


@torch.no_grad()
def shuffled(recognizer: Recognizer, seed: int = 0) -> Recognizer:
    """The same network with the channels of every group in another order, symbols apart; it computes the same."""
    generator = torch.Generator().manual_seed(seed)
    layout = layout_of(recognizer, CHARSET)
    orders = {name: _order(group, generator) for name, group in layout.groups.items()}
    other = copy.deepcopy(recognizer)
    state = other.state_dict()
    for (name, axis), runs in layout.axes.items():
        index = list(range(state[name].shape[axis]))
        for run in runs:
            place = dict(zip(run.channels, run.positions, strict=True))
            for position, channel in zip(run.positions, run.channels, strict=True):
                index[position] = place[orders[run.group][channel]]
        state[name].copy_(state[name].index_select(axis, torch.tensor(index)))
    return other


def _order(group: Group, generator: torch.Generator) -> list[int]:
    if group.symbols is not None:
        return list(range(group.channels))
    blocks = torch.randperm(group.channels // group.block, generator=generator).tolist()
    return [block * group.block + i for block in blocks for i in torch.randperm(group.block, generator=generator).tolist()]


@pytest.mark.parametrize("fields", SHAPES, ids=names)
def test_equal_architectures_give_the_same_network(fields: dict[str, Any]) -> None:
    architecture = SMALL.with_(**fields)
    relative = trained(architecture)
    child = fresh(architecture)
    found = inherit(child, CHARSET, Relative.of(relative, CHARSET))
    assert found.share == 1
    assert all(part.whole == part.tensors for part in found.parts)
    assert torch.equal(logits(child), logits(relative))


@pytest.mark.parametrize("fields", SHAPES, ids=names)
def test_the_layout_is_right_when_shuffled_channels_change_nothing(fields: dict[str, Any]) -> None:
    """Each group's channels in another order, in all its tensors at once: the output stays, so nothing was left out."""
    recognizer = trained(SMALL.with_(**fields))
    before = logits(copy.deepcopy(recognizer))
    other = shuffled(recognizer)
    first = "head.of_steps.weight" if fields.get("head") == "attention" else "head.classes.weight"
    assert not torch.equal(other.state_dict()[first], recognizer.state_dict()[first])
    close(logits(other), before)


def wider(architecture: Architecture) -> Architecture:
    """More channels everywhere, but for `svtr`, whose LayerNorm sees all channels, also silent ones.

    LCNet has a branch where two stages are equally wide: from 75 to 100 % these are the same stages. Where they are others, see
    `test_inherited_shortcuts`.
    """
    hidden = architecture.encoder_hidden * (1 if architecture.encoder == "svtr" else 2)
    width = {25: 50, 75: 100}[architecture.width_percent]
    return architecture.with_(width_percent=width, encoder_hidden=hidden, head_rank=2 * architecture.head_rank)


@pytest.mark.parametrize("fields", SHAPES, ids=names)
def test_a_wider_network_computes_what_its_relative_did(fields: dict[str, Any]) -> None:
    architecture = SMALL.with_(**fields)
    relative, child = trained(architecture), fresh(wider(architecture))
    found = inherit(child, CHARSET, Relative.of(relative, CHARSET))
    assert 0.05 < found.share < 1
    close(logits(child), logits(relative))


@pytest.mark.parametrize("fields", slow_after(2, SHAPES, thorough=3), ids=names)
def test_the_important_channels_are_taken_wherever_they_are(fields: dict[str, Any]) -> None:
    """A wide network whose other channels are silent, in random order, is the narrow one after slicing."""
    architecture = SMALL.with_(**fields)
    narrow = trained(architecture)
    wide = fresh(wider(architecture))
    with torch.no_grad():
        for tensor in wide.parameters():
            tensor.zero_()
    inherit(wide, CHARSET, Relative.of(narrow, CHARSET))
    wide = shuffled(wide)
    before = logits(copy.deepcopy(wide))
    close(before, logits(copy.deepcopy(narrow)))
    relative = Relative.of(wide, CHARSET)
    child = fresh(architecture)
    assert inherit(child, CHARSET, relative).share == 1
    close(logits(child), before)
    first = fresh(architecture)
    assert inherit(first, CHARSET, relative, "first").share == 1
    assert (logits(first) - before).abs().max() > 1e-3


def test_first_takes_the_first_channels() -> None:
    relative, child = trained(SMALL.with_(width_percent=50)), fresh(SMALL)
    inherit(child, CHARSET, Relative.of(relative, CHARSET), "first")
    for name, tensor in child.state_dict().items():
        if name.startswith("backbone.") and tensor.ndim:
            other = relative.state_dict()[name]
            assert torch.equal(tensor, other[tuple(slice(size) for size in tensor.shape)]), name


def test_taken_channels_keep_their_order_and_are_those_of_the_largest_scales() -> None:
    relative, child = trained(SMALL.with_(width_percent=100)), fresh(SMALL)
    inherit(child, CHARSET, Relative.of(relative, CHARSET))
    scales = relative.state_dict()["backbone.last.bn.weight"].abs()
    kept = sorted(scales.argsort(descending=True)[: child.backbone.out_channels].tolist())
    assert torch.equal(child.state_dict()["backbone.last.bn.weight"], relative.state_dict()["backbone.last.bn.weight"][kept])


def test_heads_of_attention_are_taken_whole() -> None:
    """Three of six heads of 16 features, the same ones for queries, keys, values and what reads them."""
    relative = trained(SMALL.with_(encoder="svtr", encoder_hidden=96))
    old = relative.state_dict()
    name = "encoder.blocks.0.all"
    with torch.no_grad():
        for head in (0, 2, 3):
            old[f"{name}.query_key_value.weight"].unflatten(0, (3, 6, 16))[:, head] *= 0.01
    child = fresh(SMALL.with_(encoder="svtr", encoder_hidden=48))
    inherit(child, CHARSET, Relative.of(relative, CHARSET))
    new, kept = child.state_dict(), [1, 4, 5]
    biases = [state[f"{name}.query_key_value.bias"].unflatten(0, (3, -1, 16)) for state in (new, old)]
    assert torch.equal(biases[0], biases[1][:, kept])
    columns = torch.tensor([16 * head + i for head in kept for i in range(16)])
    stream = torch.isin(old[f"{name}.out.bias"], new[f"{name}.out.bias"]).nonzero().flatten()
    assert len(stream) == 48
    assert torch.equal(new[f"{name}.out.weight"], old[f"{name}.out.weight"][stream][:, columns])


def test_other_kinds_keep_their_random_weights() -> None:
    """An LSTM is not a GRU, coordinate attention is not squeeze-and-excitation, and another family has other blocks."""
    relative = Relative.of(trained(SMALL.with_(encoder_hidden=64)), CHARSET)
    child = fresh(SMALL.with_(encoder="lstm", encoder_hidden=48, attention="coordinate"))
    before = {name: tensor.clone() for name, tensor in child.state_dict().items()}
    found = inherit(child, CHARSET, relative)
    changed = {name for name, tensor in child.state_dict().items() if not torch.equal(tensor, before[name])}
    assert not [name for name in changed if name.startswith("encoder.") or ".attention." in name]
    assert {"backbone.stem.conv.weight", "head.classes.bias"} <= changed
    assert [part.name for part in found.parts if part.inherited == 0] == ["encoder"]
    large = fresh(SMALL.with_(backbone="mobilenetv3_large", encoder_hidden=64))
    other = inherit(large, CHARSET, relative)
    shares = {part.name: part.share for part in other.parts}
    assert shares["backbone"] == 0 and shares["head"] == 1 and 0.2 < shares["encoder"] < 1


def test_a_neck_in_between_leaves_the_backbone() -> None:
    relative = Relative.of(trained(SMALL.with_(neck="fpn_a")), CHARSET)
    found = inherit(fresh(SMALL.with_(neck="fpn_d")), CHARSET, relative)
    shares = {part.name: part.share for part in found.parts}
    assert shares["backbone"] > 0.4 and 0 < shares["encoder"] < 1


def test_a_pruned_relative_is_inherited_from() -> None:
    pruned = trained(SMALL.with_(width_percent=50))
    cut = cut_away(pruned, {group.name: group.channels // 3 for group in PruningGraph(copy.deepcopy(pruned)).groups()}, "l1")
    child = fresh(SMALL.with_(width_percent=50))
    found = inherit(child, CHARSET, Relative.of(pruned, CHARSET, cut))
    assert 0.5 < found.share < 1
    close(logits(child), logits(pruned))


def test_two_timm_models_of_a_family() -> None:
    relative = Relative.of(trained(SMALL.with_(backbone="timm/lcnet_100", width_percent=50)), CHARSET)
    found = inherit(fresh(SMALL.with_(backbone="timm/lcnet_050", width_percent=50)), CHARSET, relative)
    shares = {part.name: part.share for part in found.parts}
    assert shares["backbone"] == 1 and shares["encoder"] == 1
    other = inherit(fresh(SMALL.with_(backbone="timm/mobilenetv3_small_100", width_percent=50)), CHARSET, relative)
    assert {part.name: part.inherited for part in other.parts}["backbone"] == 0


@pytest.mark.slow
def test_any_pair_of_architectures_works() -> None:
    """Random pairs of the whole space: nothing fails, the share is in [0, 1], the network still runs, and counts are right."""
    space = full_space(timm_models=("mobilenetv3_small_100", "tinynet_e"))
    narrow = replace(space, choices={**space.choices, "width_percent": (25, 35, 50), "encoder_hidden": (24, 32, 48)})
    draws = drawn(narrow, 7)
    generator = random.Random(0)
    for _ in range(14):
        first, second = next(draws), next(draws)
        symbols = tuple(generator.sample("abcdefghij", 6))
        child, relative = fresh(second, len(symbols)), Relative.of(trained(first, 4), ("b", "a", "z", "d"))
        before = {name: tensor.clone() for name, tensor in child.named_parameters()}
        found = inherit(child, symbols, relative, generator.choice(["important", "first"]))
        assert 0 <= found.share <= 1
        assert all(bool(tensor.isfinite().all()) for tensor in child.state_dict().values())
        unchanged = {t.name for t in found.tensors if t.inherited == 0}
        for name, tensor in child.named_parameters():
            silent = name.endswith(".same.weight") and not tensor.any()  # a shortcut of LCNet that the relative lacks
            assert name not in unchanged or silent or torch.equal(before[name], tensor), name
        assert logits(child).isfinite().all()


def test_shares_are_counted_by_entry() -> None:
    relative, child = trained(SMALL.with_(width_percent=50)), fresh(SMALL.with_(width_percent=100))
    found = inherit(child, CHARSET, Relative.of(relative, CHARSET))
    stem = next(tensor for tensor in found.tensors if tensor.name == "backbone.stem.conv.weight")
    assert (stem.entries, stem.inherited) == (16 * 27, 8 * 27)
    assert found.share == pytest.approx(sum(t.counted for t in found.tensors) / sum(p.numel() for p in child.parameters()))
    assert found.as_dict()["relative"] == relative.architecture.digest
    assert "backbone" in found.table() and f"{100 * found.share:.1f} %" in found.table()


def test_recalibration_follows() -> None:
    """After slicing, statistics of other channels' sums are measured again."""
    relative, child = trained(SMALL.with_(width_percent=50), 3), fresh(SMALL, 3)
    inherit(child, tuple("abc"), Relative.of(relative, tuple("abc")))
    before = child.state_dict()["backbone.last.bn.running_var"].clone()
    recalibrate(child, striped_lines(20, 0), 0)
    assert not torch.allclose(before, child.state_dict()["backbone.last.bn.running_var"])


def test_random_numbers_go_on_as_without() -> None:
    relative, child = Relative.of(trained(SMALL), CHARSET), fresh(SMALL)
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    inherit(child, CHARSET, relative)
    assert torch.equal(torch.rand(1), expected)


def test_an_unknown_backbone_has_no_layout_and_is_taken_from_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch-pruning cannot follow is sliced plainly, and what reads its columns stays random."""

    def refuse(*_: object) -> None:
        raise ValueError("cannot follow")

    monkeypatch.setattr(PruningGraph, "__init__", refuse)
    monkeypatch.setattr("trainers.inherit.layout._known", {})
    relative, child = trained(SMALL.with_(width_percent=50)), fresh(SMALL)
    layout: Layout = layout_of(child, CHARSET)
    assert not [name for name, _ in layout.axes if name.startswith("backbone.")]
    found = inherit(child, CHARSET, Relative.of(relative, CHARSET))
    assert {part.name: part.share for part in found.parts}["backbone"] == 1
    old, new = relative.state_dict()["backbone.last.conv.weight"], child.state_dict()["backbone.last.conv.weight"]
    assert torch.equal(new, old[: new.shape[0], : new.shape[1]])


def test_of_a_nested_relative_the_first_channels_of_backbone_and_neck_are_taken() -> None:
    """Its encoder was not trained at several widths, so there the most important ones are."""
    architecture = SMALL.with_(width_percent=50, neck="fpn_a", encoder="svtr", encoder_hidden=32)
    relative = Relative.of(trained(architecture), CHARSET)
    nested, first, important = (fresh(architecture.with_(width_percent=25, encoder_hidden=16)) for _ in range(3))
    inherit(nested, CHARSET, replace(relative, nested=True))
    inherit(first, CHARSET, relative, channels="first")
    inherit(important, CHARSET, relative)
    as_first, as_important = dict(first.named_parameters()), dict(important.named_parameters())
    parts = ("backbone.", "neck.", "encoder.blocks.")
    assert not all(torch.equal(as_first[name], as_important[name]) for name in as_first if name.startswith(parts[0]))
    assert not all(torch.equal(as_first[name], as_important[name]) for name in as_first if name.startswith(parts[2]))
    for name, found in nested.named_parameters():
        if name.startswith(parts):
            assert torch.equal(found, (as_important if name.startswith(parts[2]) else as_first)[name]), name
