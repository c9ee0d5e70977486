"""Laws of what a study may ask for beside size and trials: limits, objectives, budgets, and what it tries first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from search_space import Architecture, zoo
from studies.definition.study import Study, resolve
from studies.objectives.catalog import objectives, objectives_of
from studies.objectives.costs import CostModel, count_weights_and_flops
from studies.objectives.limits import excess_before_training, excess_of
from studies.storage.outcomes import OverLimit
from studies.storage.pareto_front import load_front, load_store
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import RecordingObserver, run_search
from trainers.base.candidate import Measurement
from trainers.base.errors import UserError

WIDTHS = {"width_percent": [25, 50, 75, 100], "encoder_hidden": [24]}


def study(search_for: dict[str, Any] | None = None, **changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "s",
        "space": WIDTHS,
        "budget": {"trials": 4, "epochs": 2},
        "search": {"sampler": "random"} | (search_for or {}),
    }
    return resolve(values | changes, "test")


def over_budget(workspace: Workspace) -> list[Any]:
    return [t for t in load_store(workspace, "s").stored_trials() if isinstance(t.outcome, OverLimit)]


@pytest.mark.parametrize("limit", ["parameters", "flops"])
def test_what_is_over_a_limit_never_trains(workspace: Workspace, limit: str) -> None:
    values = [
        count_weights_and_flops(Architecture(width_percent=w, encoder_hidden=24), 10)[limit == "flops"]
        for w in (25, 50, 75, 100)
    ]
    assert values == sorted(values)
    engine = ScriptedEngine()
    run_search(study(limits={limit: f"{values[1] / 1e6 + 0.001}M"}), workspace, None, engine)
    assert len(engine.trained) == 2
    assert over_budget(workspace) and all(t.outcome.violation > 0 for t in over_budget(workspace))
    with pytest.raises(UserError, match=f"nothing in the space meets the {limit} limit of 1.00K"):
        run_search(study(name="t", limits={limit: 1000}), workspace, None, ScriptedEngine())


def test_what_would_be_too_slow_never_trains(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CostModel, "_measure_latency", lambda _, architecture: architecture.width_percent / 10)
    engine = ScriptedEngine()  # whose files all take 1 ms
    run_search(study(limits={"latency": "4ms"}), workspace, None, engine)
    assert len(engine.trained) == 2, "25 % and, within the margin, 50 %"
    assert all("ms is over the limit of 4 ms" in t.reason for t in over_budget(workspace))
    assert excess_of(Measurement(0.9, 0.1, 10, 4.1, 10, 1), {"latency_ms": 4.0}) is not None


def test_milliseconds_are_measured_on_the_untrained_file(workspace: Workspace) -> None:
    from studies.run.preparation import prepare_study

    costs = prepare_study(study(limits={"latency": "1s"}), workspace, RecordingObserver()).costs
    small, large = (Architecture(width_percent=w, encoder_hidden=24) for w in (25, 125))
    assert 0 < (costs(small).latency_ms or 0) < (costs(large).latency_ms or 0)
    assert excess_before_training(large, costs, {"latency_ms": 1e-3}) is not None
    cut = costs(small.with_(prune_percent=50, prune_criterion="l1"))
    assert cut.latency_ms is not None and cut.latency_ms < (costs(small).latency_ms or 0)
    assert excess_before_training(small.with_(prune_percent=50, prune_criterion="l1"), costs, {"latency_ms": 1e-3}) is None


def test_it_is_told_when_four_bits_change_nothing(workspace: Workspace) -> None:
    from studies.run.preparation import prepare_study

    for precisions, told_of_it in ((["int8", "int4"], True), (["fp32", "int4"], False)):
        watcher = RecordingObserver()
        prepare_study(study(space=WIDTHS | {"precision": precisions}), workspace, watcher)
        assert any("int4 differs from int8 only with 999 or more characters" in note for note in watcher.notes) == told_of_it


def test_counts_follow_what_pruning_is_expected_to_leave() -> None:
    plain = Architecture(backbone="resnet18", width_percent=25)
    (weights, products), (left, work) = (
        count_weights_and_flops(a, 10) for a in (plain, plain.with_(prune_percent=80, prune_criterion="l1"))
    )
    assert 0 < left < weights and 0.2 * products < work < 0.5 * products


def test_three_objectives_make_a_front_of_three(workspace: Workspace) -> None:
    engine = ScriptedEngine()
    run_search(study({"objectives": ["cer", "size", "flops"]}), workspace, None, engine)
    store = load_store(workspace, "s")
    assert [d.name for d in store.optuna_study.directions] == ["MINIMIZE"] * 3
    assert all(len(t.values) == 3 for t in store.trials(TrialState.COMPLETE))
    assert len(load_front(workspace, "s")) == 4, "wider reads better and costs more"


@pytest.mark.parametrize("names", [["accuracy"], ["accuracy", "cer"], ["size", "flops"], ["size", "size"], list(objectives)])
def test_objectives_must_make_a_trade_off(names: list[str]) -> None:
    with pytest.raises(ValueError, match="write two or three different objectives"):
        objectives_of(names)
    with pytest.raises(UserError, match=r"search\.objectives"):
        study({"objectives": names})


def test_an_unknown_objective_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'latency'"):
        study({"objectives": ["accuracy", "latencyy"]})


def test_epochs_of_all_trainings_are_a_budget_that_the_next_run_can_raise(workspace: Workspace) -> None:
    first, watcher = ScriptedEngine(slots=1), RecordingObserver()
    run_search(study(budget={"trials": 4, "epochs": 2, "total_epochs": 4}), workspace, watcher, first)
    assert watcher.summary is not None and watcher.summary.reason == "4 epochs are trained"
    assert len(first.trained) == 2
    again = ScriptedEngine(slots=1)
    run_search(study(budget={"trials": 4, "epochs": 2, "total_epochs": 4}), workspace, watcher, again)
    assert again.trained == [] and watcher.summary.reason == "4 epochs are trained"
    run_search(study(budget={"trials": 4, "epochs": 2, "total_epochs": 100}), workspace, watcher, again)
    assert len(again.trained) == 2 and watcher.summary.reason == "all trials done"


def test_a_candidate_that_is_good_enough_ends_the_study(workspace: Workspace) -> None:
    wide = {"trials": 4, "epochs": 2, "target": {"accuracy": 0.5, "size": "1MB"}}  # met by 100 %: 0.56
    engine, watcher = ScriptedEngine(slots=1), RecordingObserver()
    run_search(study({"warm_start": ["mobilev3_fpnd_small_1.0"]}, budget=wide), workspace, watcher, engine)
    assert watcher.summary is not None and watcher.summary.reason == "the target is reached"
    assert len(engine.trained) == 1
    with pytest.raises(UserError, match=r"budget\.target\.accuracy"):
        study(budget={"target": {"accuracy": 95}})


def test_warm_starts_come_from_files_and_other_studies(workspace: Workspace, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("[[architecture]]\nwidth_percent = 60\n[[architecture]]\nwidth_percent = 35\nencoder = 'none'\n")
    engine = ScriptedEngine(slots=1)
    run_search(study({"warm_start": [str(mine)]}, budget={"trials": 2, "epochs": 1}), workspace, None, engine)
    written = [Architecture(width_percent=60), Architecture(width_percent=35, encoder="none")]
    assert engine.trained == [architecture.digest for architecture in written]
    front = [Architecture.from_dict(point.architecture).digest for point in load_front(workspace, "s")]
    for name, warm_start in (("t", "front:s"), ("u", str(_as_json(workspace, tmp_path / "front.json")))):
        second = ScriptedEngine(slots=1)
        run_search(
            study({"warm_start": warm_start}, name=name, budget={"trials": len(front), "epochs": 1}), workspace, None, second
        )
        assert second.trained == front


def _as_json(workspace: Workspace, file: Path) -> Path:
    file.write_text(json.dumps([point.as_dict() for point in load_front(workspace, "s")]), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[architecture]]\nwidht_percent = 60", "architecture 1 of .*did you mean 'width_percent'"),
        ("architecture = 5", "entry 1 is not one"),
        ("= 5", "cannot be read as TOML"),
    ],
)
def test_a_file_without_architectures_is_one_line(workspace: Workspace, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UserError, match=message):
        run_search(study({"warm_start": str(tmp_path / "mine.toml")}), workspace, None, ScriptedEngine())


def test_a_warm_start_that_is_none_is_named() -> None:
    with pytest.raises(UserError, match=r"search\.warm_start: no known model is called 'sed'.*front:STUDY"):
        study({"warm_start": ["sed"]})
    assert study({"warm_start": [zoo.names()[0], "seed", "front:other", "x.json"]})
