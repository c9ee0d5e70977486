"""Pruning: which channels are removed, how much work that removes, and that the pruned network still reads."""

import copy
import itertools
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from search_space import zoo
from search_space.architecture import Architecture, RefusedArchitecture
from search_space.backbones import backbones
from search_space.backbones._timm_checked import CHECKED, CUTTABLE
from search_space.counting import flops, parameters
from search_space.recognizer import Recognizer, build_recognizer
from testing.noise_lines import NoiseLines
from testing.published_pruning import LAST_STAGE, PRUNED_ROWS, channels_in_order, published_channels, published_table
from testing.random_weights import randomize_vectors
from testing.shared_data import shared_folder
from testing.tiers import slow_after, thorough_but_every
from trainers.base.errors import UserError
from trainers.evaluation.measure import read_all
from trainers.export.onnx_file import export, final
from trainers.export.parity import check_same_text
from trainers.export.size_estimate import expected_metadata
from trainers.inference.onnx_session import OnnxSession
from trainers.inference.reader import Reader
from trainers.pruning.criteria import least
from trainers.pruning.eagleeye import draw_candidates, random_plan
from trainers.pruning.evaluation_sample import EvaluationSample
from trainers.pruning.macs import RemovedMacs, backbone_work
from trainers.pruning.mask import PrunedChannels, cut_again, cut_away
from trainers.pruning.prune import PruningSettings, prune, solved
from trainers.pruning.sensitivity import keep_only_of, measure_sensitivity, read_table, write_table
from trainers.pruning.solver import FLOOR_CHANNELS, ratio_at, removed_channels, solve
from trainers.pruning.torch_pruning_adapter import PruningGraph
from trainers.training.checkpoint import load_checkpoint, save_checkpoint


@pytest.mark.parametrize("model", PRUNED_ROWS)
def test_published_tables_give_the_published_networks(model: str, tmp_path: Path) -> None:
    """The four pruned rows, from their unpruned parents: channels, parameters, work; saved, exported and read back."""
    source, percent, expected = PRUNED_ROWS[model]
    torch.manual_seed(0)
    architecture = zoo.architecture(model)
    parent = architecture.with_(prune_percent=0)
    recognizer = build_recognizer(parent, 3938).eval()
    whole = flops(recognizer, 32, 320).backbone
    skip = {LAST_STAGE}
    cut = cut_away(recognizer, solved(published_table(shared_folder("seed"), source), recognizer, percent, skip), "fpgm")
    assert 0 <= 100 * (1 - flops(recognizer, 32, 320).backbone / whole) - percent < 0.2
    if source == model:
        differences = np.abs(
            np.array(channels_in_order(recognizer)) - np.array(published_channels(shared_folder("seed"), model))
        )
        assert differences.max() <= 1
        assert abs(parameters(recognizer) / expected - 1) < 0.003
    else:
        assert abs(parameters(recognizer) / expected - 1) < 0.05
    randomize_vectors(recognizer)
    save_checkpoint(tmp_path, model, {"recognizer": recognizer.state_dict(), "cut": cut.as_dict()})
    saved = load_checkpoint(tmp_path, model)
    assert saved is not None
    again = build_recognizer(parent, 3938).eval()
    cut_again(again, PrunedChannels.from_dict(saved["cut"]))
    again.load_state_dict(saved["recognizer"])
    images = torch.rand(2, 3, 32, 64)
    with torch.no_grad():
        assert torch.equal(again(images), recognizer(images))
    reader = Reader(export(again, tmp_path / "pruned.onnx", expected_metadata(architecture, 3938)))
    assert Architecture.from_dict(reader.metadata.architecture) == architecture
    with torch.no_grad():
        np.testing.assert_allclose(reader.network.run(images.numpy()), recognizer(images).numpy(), atol=1e-3)
    lines = NoiseLines([""] * 3)
    check_same_text(recognizer, reader, lines, read_all(reader, lines))


def test_a_ratio_lies_on_the_line_between_measured_points() -> None:
    points = [(0.1, 0.0), (0.3, 0.2), (0.5, 0.6)]
    assert ratio_at(points, 0.1) == pytest.approx(0.2)
    assert ratio_at(points, 0.4) == pytest.approx(0.4)
    assert ratio_at(points, 0.9) == 0.5
    assert ratio_at([(0.1, 0.3)], 0.2) == 0.0


def test_a_larger_target_removes_no_less_of_any_layer() -> None:
    table = {"a": [(0.1, 0.01), (0.5, 0.1), (0.9, 0.8)], "b": [(0.1, 0.0), (0.5, 0.4), (0.9, 0.9)]}
    channels = {"a": 100, "b": 60}

    def work(removed: dict[str, int]) -> float:
        return 1 - (100 - removed.get("a", 0)) * (60 - removed.get("b", 0)) / 6000

    plans = [solve(table, channels, work, target) for target in (0.2, 0.5, 0.8, 0.95)]  # type: ignore[arg-type]
    assert all(low[name] <= high[name] for low, high in itertools.pairwise(plans) for name in channels)
    assert all(work(plan) >= target for plan, target in zip(plans, (0.2, 0.5, 0.8, 0.95), strict=True))
    with pytest.raises(UserError, match="pruning 100 % of the backbone's work is not possible: the most"):
        solve(table, channels, work, 0.999)  # type: ignore[arg-type]


def test_no_layer_goes_below_its_floor() -> None:
    assert removed_channels(8, 0.99) == 6
    assert removed_channels(2, 0.9) == 0
    assert removed_channels(100, 0.5) == 50


CUT = (
    {"backbone": "resnet18", "width_percent": 25},
    {
        "attention": "coordinate",
        "activation": "meta_acon_c",
        "neck": "fpn_c",
        "encoder": "svtr",
        "encoder_hidden": 24,
        "encoder_layers": 1,
    },
    {"attention": "eca", "activation": "acon_c", "encoder": "none", "pooling": "blur"},
    {"backbone": "lcnet", "width_percent": 50, "encoder": "lstm", "head": "ctc_low_rank", "head_rank": 16},
    {"encoder": "none", "head": "attention", "head_rank": 16, "rectifier": "tps"},
)


@pytest.mark.parametrize("fields", slow_after(2, CUT, thorough=3), ids=lambda fields: "-".join(map(str, fields.values())))
def test_work_is_counted_before_the_cut_and_what_is_left_runs(fields: dict[str, object], tmp_path: Path) -> None:
    """Shortcuts, depthwise layers, gates, necks and the first layer behind the columns all follow."""
    torch.manual_seed(0)
    architecture = Architecture(**{"width_percent": 50, **fields})  # type: ignore[arg-type]
    recognizer = randomize_vectors(build_recognizer(architecture, 9))
    assert isinstance(recognizer, Recognizer)
    groups = PruningGraph(copy.deepcopy(recognizer)).groups()
    removed = {group.name: group.channels // 3 for group in groups}
    counted = RemovedMacs(backbone_work(recognizer), groups)(removed)
    before, whole = flops(recognizer, 32, 320), parameters(recognizer)
    cut_away(recognizer, removed, "l2")
    assert counted == pytest.approx(1 - flops(recognizer, 32, 320).backbone / before.backbone, abs=2e-3)
    assert parameters(recognizer) < whole
    images = torch.rand(2, 3, 32, 96)
    path = export(recognizer, tmp_path / "cut.onnx", expected_metadata(architecture, 9))
    with torch.no_grad():
        np.testing.assert_allclose(OnnxSession(path).run(images.numpy()), recognizer(images).numpy(), atol=1e-3)
    recognizer.train()
    recognizer.losses(images, torch.tensor([[1, 2], [3, 0]]), torch.tensor([2, 1])).sum().backward()  # type: ignore[no-untyped-call]


def test_the_same_cut_can_be_made_again() -> None:
    """From a freshly built network and the cut's JSON: what a checkpoint of a pruned training holds."""
    torch.manual_seed(0)
    architecture = Architecture(width_percent=50)
    recognizer = build_recognizer(architecture, 9).eval()
    removed = {group.name: group.channels // 2 for group in PruningGraph(copy.deepcopy(recognizer)).groups()}
    cut = PrunedChannels.from_dict(json.loads(json.dumps(cut_away(recognizer, removed, "l1").as_dict())))
    again = build_recognizer(architecture, 9).eval()
    cut_again(again, cut)
    again.load_state_dict(recognizer.state_dict())
    images = torch.rand(1, 3, 32, 64)
    assert torch.equal(again(images), recognizer(images))


def test_channels_that_do_nothing_go_first_and_nothing_changes() -> None:
    torch.manual_seed(0)
    recognizer = randomize_vectors(build_recognizer(Architecture(width_percent=50, attention="none"), 9))
    assert isinstance(recognizer, Recognizer)
    group = next(g for g in PruningGraph(copy.deepcopy(recognizer)).groups() if g.name == "backbone.last.conv")
    dead = [3, 7, 11]
    last = recognizer.backbone.last
    with torch.no_grad():
        for tensor in (last.conv.weight, last.bn.weight, last.bn.bias):  # type: ignore[union-attr]
            tensor[dead] = 0.0  # type: ignore[index]
    for criterion in ("l1", "l2"):
        assert least(recognizer, group, criterion, 3) == dead
    images = torch.rand(1, 3, 32, 64)
    with torch.no_grad():
        before = recognizer(images)
        cut_away(recognizer, {group.name: 3}, "l1")
        torch.testing.assert_close(recognizer(images), before, atol=1e-5, rtol=1e-5)


def test_fpgm_drops_what_others_stand_in_for() -> None:
    recognizer = build_recognizer(Architecture(width_percent=50, attention="none"), 9)
    group = next(g for g in PruningGraph(copy.deepcopy(recognizer)).groups() if g.name == "backbone.last.conv")
    weight = recognizer.backbone.last.conv.weight  # type: ignore[union-attr]
    with torch.no_grad():
        middle = weight.mean(0)
        weight[5] = middle  # type: ignore[index, operator]
    assert least(recognizer, group, "fpgm", 1) == [5]


def test_drawn_plans_meet_the_target_and_differ() -> None:
    recognizer = build_recognizer(Architecture(width_percent=50), 9)
    groups = PruningGraph(copy.deepcopy(recognizer)).groups()
    work = RemovedMacs(backbone_work(recognizer), groups)
    generator = random.Random(0)
    plans = [random_plan(groups, work, 0.6, generator) for _ in range(5)]
    assert all(0.6 <= work(plan) < 0.62 for plan in plans)
    assert plans[0] != plans[1]
    assert random_plan(groups, work, 0.6, random.Random(0)) == plans[0]


def test_a_table_comes_back_and_an_interrupted_one_is_continued(tmp_path: Path) -> None:
    torch.manual_seed(0)
    recognizer = build_recognizer(Architecture(width_percent=25, attention="none"), len("ab")).eval()
    evaluation_sample = EvaluationSample(NoiseLines(["a"] * 6), "ab", recalibration_lines=4)
    path = tmp_path / "sensitivity.csv"
    table = measure_sensitivity(recognizer, evaluation_sample, "l1", (0.5,), path)
    assert read_table(path) == {name: [(0.5, pytest.approx(loss, abs=1e-6))] for name, ((_, loss),) in table.items()}
    some = dict(list(table.items())[:-1])
    write_table(path, {name: [(0.5, 0.123)] for name in some})
    resumed = measure_sensitivity(recognizer, evaluation_sample, "l1", (0.5,), path)
    assert all(resumed[name] == [(0.5, 0.123)] for name in some)
    assert set(resumed) == set(table)


def test_a_table_of_other_weights_is_not_continued(tmp_path: Path) -> None:
    path = tmp_path / "of" / "sensitivity.csv"
    keep_only_of(path, "one")
    write_table(path, {"a": [(0.5, 0.1)]})
    keep_only_of(path, "one")
    assert read_table(path) == {"a": [(0.5, 0.1)]}
    keep_only_of(path, "other")
    assert not path.exists()


@pytest.mark.parametrize("criterion", ["l2", "eagleeye"])
def test_prune_meets_its_target(criterion: str) -> None:
    torch.manual_seed(0)
    recognizer = build_recognizer(Architecture(width_percent=25, attention="none"), len("ab")).eval()
    whole = flops(recognizer, 32, 320).backbone
    evaluation_sample = EvaluationSample(NoiseLines(["a"] * 6), "ab", recalibration_lines=4)
    cut = prune(recognizer, 50, criterion, evaluation_sample, seed=1, effort=PruningSettings(ratios=(0.5, 0.9), candidates=2))
    assert 0.5 <= 1 - flops(recognizer, 32, 320).backbone / whole < 0.53
    assert sum(map(len, cut.channels.values())) > 0
    left = [m.out_channels for m in recognizer.backbone.modules() if isinstance(m, torch.nn.Conv2d)]
    assert min(left) >= FLOOR_CHANNELS


def test_eagleeye_cuts_the_candidate_that_read_best() -> None:
    """What is kept is the very network that was read; count and seed decide what is drawn."""
    torch.manual_seed(0)
    recognizer = build_recognizer(Architecture(width_percent=25, attention="none"), len("ab")).eval()
    evaluation_sample = EvaluationSample(NoiseLines(["a"] * 6), "ab", recalibration_lines=4)
    groups = PruningGraph(copy.deepcopy(recognizer)).groups()
    work = RemovedMacs(backbone_work(recognizer), groups)
    drawn = draw_candidates(recognizer, groups, work, 0.5, evaluation_sample, count=3, seed=1)
    assert len(drawn) == 3 and drawn == sorted(drawn, key=lambda candidate: -candidate.accuracy)
    assert draw_candidates(recognizer, groups, work, 0.5, evaluation_sample, count=3, seed=1) == drawn
    assert draw_candidates(recognizer, groups, work, 0.5, evaluation_sample, count=3, seed=2) != drawn
    cut = prune(copy.deepcopy(recognizer), 50, "eagleeye", evaluation_sample, seed=1, effort=PruningSettings(candidates=3))
    assert {name: len(channels) for name, channels in cut.channels.items()} == {n: c for n, c in drawn[0].removed.items() if c}


OWN = [name for name in backbones.names() if name != "timm"]


@pytest.mark.slow
@pytest.mark.parametrize("backbone", [*OWN, *thorough_but_every(4, [f"timm/{name}" for name in CHECKED])])
def test_every_backbone_is_cut_to_its_target_or_refused(backbone: str) -> None:
    try:
        architecture = Architecture(backbone=backbone, encoder_hidden=8, prune_percent=50, prune_criterion="l1")
    except RefusedArchitecture as refused:
        assert backbone.removeprefix("timm/") not in CUTTABLE and "cannot be pruned" in str(refused)
        return
    recognizer = build_recognizer(architecture, len("ab")).eval()
    whole = flops(recognizer, 32, 320).backbone
    groups = PruningGraph(copy.deepcopy(recognizer)).groups()
    table = {group.name: [(ratio / 10, (ratio / 10) ** 2) for ratio in range(1, 10)] for group in groups}
    cut_away(recognizer, solved(table, recognizer, 50), "l1")
    assert 0.5 <= 1 - flops(recognizer, 32, 320).backbone / whole < 0.53
    recognizer.train()
    targets, lengths = torch.ones(2, 1, dtype=torch.long), torch.ones(2, dtype=torch.long)
    torch.autograd.backward(recognizer.losses(torch.zeros(2, 3, 32, 64), targets, lengths).mean())
    images = torch.rand(2, 3, 32, 64)
    with torch.no_grad():
        expected = recognizer.eval()(images)
        torch.testing.assert_close(final(copy.deepcopy(recognizer))(images), expected, atol=1e-4, rtol=1e-3)
