"""One training is stored in every precision of the space; no network is trained twice, and no variant is lost."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_space import Architecture
from search_space.coded_precision import is_coded
from search_space.space import SearchSpace
from studies.definition.configuration import Configuration
from studies.definition.study import Study, resolve
from studies.engines.base import TrialFailed
from studies.run.precision_variants import PrecisionVariants
from studies.run.seen_architectures import SeenArchitectures
from studies.storage import outcomes
from studies.storage.outcomes import Duplicate, Measured, OverLimit, PrecisionVariantOf
from studies.storage.pareto_front import load_front, load_store
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed, ScriptedEngine
from testing.small_studies import RecordingObserver, RecordingTracker, run_search
from trainers.base.candidate import Candidate, Measurement
from trainers.trial.run import TrialJob

PRECISIONS = ["fp32", "fp16", "int8"]
SPACE = {"width_percent": [25, 50, 75, 100], "encoder_hidden": [24, 48, 96], "precision": PRECISIONS}


class Recorder(ScriptedEngine):
    """Records which networks were submitted."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.networks: dict[str, set[str]] = {}

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        network = job.architecture.with_(precision="fp32").digest
        self.networks.setdefault(network, set()).add(job.architecture.digest)
        super().submit(number, job, until_epoch)


def study(search_for: dict[str, Any] | None = None, **changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "s",
        "space": SPACE,
        "budget": {"trials": 5, "epochs": 9},
        "search": {"sampler": "random", "early_stopping": "none"} | (search_for or {}),
    }
    return resolve(values | changes, "test")


def complete(workspace: Workspace) -> list[Any]:
    return load_store(workspace, "s").candidates()


def network_of(trial: Any) -> str:
    return trial.architecture.with_(precision="fp32").digest


@pytest.mark.parametrize("sampler", ["random", "tpe", "front"])
def test_each_training_is_recorded_in_every_precision(workspace: Workspace, sampler: str) -> None:
    engine, watcher = Recorder(), RecordingObserver()
    tracker = RecordingTracker()
    run_search(study({"sampler": sampler}), workspace, watcher, engine, tracker)
    trials = complete(workspace)
    assert len(engine.trained) == 5 and len(trials) == 15 and sum(t.counts_against_budget for t in trials) == 5
    assert Counter(map(network_of, trials)) == dict.fromkeys(engine.networks, 3)
    assert watcher.states().count("precision_variant") == 10
    assert sum(state in ("measured", "precision_variant", "complete") for _, state in tracker.calls) == 15 + 1
    for trial in trials:
        assert (workspace.folder / trial.outcome.model).stat().st_size == trial.outcome.measurement.size_bytes
        if isinstance(trial.outcome, PrecisionVariantOf):
            assert network_of(trial) == network_of(load_store(workspace, "s").stored_trials()[trial.outcome.trial])
    assert {point.architecture["precision"] for point in load_front(workspace, "s")} == {"int8"}, "as good, and smaller"


@pytest.mark.parametrize("sampler", ["tpe", "front"])
def test_no_network_is_trained_twice_however_far_it_got(workspace: Workspace, sampler: str) -> None:
    engine = Recorder(slots=3)
    stopping = {"sampler": sampler, "early_stopping": "auto", "first_rung": 1}
    run_search(study(stopping, budget={"trials": 12, "epochs": 9}), workspace, None, engine)
    assert len(engine.networks) == 12, "all there are"
    assert all(len(digests) == 1 for digests in engine.networks.values())
    if sampler == "tpe":  # halving stops a share; by gain all continue, since larger ones are better throughout
        assert len(engine.trained) < 12, "some were stopped, and their variants with them"


@pytest.mark.parametrize("sampler", ["tpe", "front"])
def test_whenever_it_is_killed_nothing_is_lost_or_trained_again(workspace: Workspace, sampler: str) -> None:
    kept: dict[str, int] = {}
    networks: dict[str, set[str]] = {}
    for break_after in (1, 2, 2, 3, 2, None):
        engine = Recorder(break_after=break_after)
        engine.epochs, engine.networks = kept, networks
        try:
            run_search(study({"sampler": sampler}), workspace, None, engine)
        except Killed:
            continue
    trials = load_store(workspace, "s").stored_trials()
    assert not [t for t in trials if t.is_open]
    assert sum(t.counts_against_budget for t in trials) == 5 and len(complete(workspace)) == 15
    assert all(len(digests) == 1 for digests in networks.values()) and len(networks) == 5


def test_killed_between_two_precision_variants(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """One variant is recorded, the other and the trained trial are not: the next run finds all in the trial's folder."""
    from studies.run.trial_recorder import TrialRecorder

    add_variant, called = TrialRecorder.add_variant, 0

    def dying(recorder: TrialRecorder, *arguments: Any) -> Any:
        nonlocal called
        called += 1
        if called == 2:
            raise Killed
        return add_variant(recorder, *arguments)

    monkeypatch.setattr(TrialRecorder, "add_variant", dying)
    killed = Recorder(slots=1)
    with pytest.raises(Killed):
        run_search(study(), workspace, None, killed)
    assert len(complete(workspace)) == 1
    engine = Recorder(slots=1)
    engine.epochs, engine.networks = killed.epochs, killed.networks
    run_search(study(), workspace, None, engine)
    trials = complete(workspace)
    assert Counter(map(network_of, trials)) == dict.fromkeys(engine.networks, 3) and len(trials) == 15


def test_a_training_that_is_further_than_the_study_knows_is_stored_in_every_precision(workspace: Workspace) -> None:
    """Its run was killed before it heard of the epochs after which the checkpoint was saved, the last one among them."""
    asked = study({"early_stopping": "promotion", "first_rung": 1}, budget={"trials": 2, "epochs": 9})
    with pytest.raises(Killed):
        run_search(asked, workspace, None, Recorder(slots=1, break_after=1))
    (left_open,) = load_store(workspace, "s").stored_trials()
    engine = Recorder(slots=1)
    engine.epochs = {str(left_open.digest): 9}
    run_search(asked, workspace, None, engine)
    of_each = Counter(map(network_of, complete(workspace)))
    assert list(of_each.values()) == [len(PRECISIONS)] * 2


def test_precisions_are_trained_separately_without_every_precision(workspace: Workspace) -> None:
    engine = Recorder()
    run_search(study({"every_precision": False}), workspace, None, engine)
    assert len(complete(workspace)) == 5 and not [t for t in complete(workspace) if isinstance(t.outcome, PrecisionVariantOf)]


def test_what_is_over_the_limit_is_not_stored(workspace: Workspace) -> None:
    run_search(study(limits={"size": "1.2MB"}, budget={"trials": 12, "epochs": 2}), workspace, None, Recorder())
    trials = complete(workspace)
    stored = Counter(network_of(trial) for trial in trials)
    assert min(stored.values()) < 3 <= max(stored.values())
    assert all(trial.costs is not None and trial.costs.size_bytes <= 1_200_000 for trial in trials)


def test_a_failed_training_fails_its_precision_variants_too(workspace: Workspace) -> None:
    space = SPACE | {"width_percent": [25], "encoder_hidden": [24]}
    digests = [Architecture(width_percent=25, encoder_hidden=24, precision=p).digest for p in PRECISIONS]
    engine = Recorder(script=dict.fromkeys(digests, TrialFailed))
    run_search(study(space=space, budget={"trials": 3, "epochs": 2}), workspace, None, engine)
    trials = [t for t in load_store(workspace, "s").stored_trials() if not isinstance(t.outcome, Duplicate)]
    assert [type(t.outcome) for t in trials] == [outcomes.Failed] and len(engine.networks) == 1


class TinyFiles(Recorder):
    """Stores as int8 what was to be coded, as the export does with networks for which that takes fewer bytes."""

    def _candidate(self, a: Architecture, folder: Path, name: str, trained: float) -> Candidate:
        if not is_coded(a.precision):
            return super()._candidate(a, folder, name, trained)
        made = super()._candidate(a.with_(precision="int8"), folder, name, trained)
        return replace(made, asked_precision=a.precision)


@pytest.mark.parametrize("first", ["int8", "coded"])
def test_a_file_that_takes_fewer_bytes_in_int8_than_coded_is_recorded_as_int8_and_once(
    workspace: Workspace, tmp_path: Path, first: str
) -> None:
    """Whichever precision is trained, its file is one candidate; the other precisions are its duplicates."""
    space = SPACE | {"width_percent": [25, 50], "encoder_hidden": [24], "precision": ["int8", "coded", "coded_50"]}
    warm, tracker = tmp_path / "first.json", RecordingTracker()
    warm.write_text(json.dumps({"width_percent": 25, "encoder_hidden": 24, "precision": first}), encoding="utf-8")
    begin = {"warm_start": str(warm)}
    run_search(study(begin, space=space, budget={"trials": 1, "epochs": 2}), workspace, None, TinyFiles(), tracker)
    trials = load_store(workspace, "s").stored_trials()
    (only,) = complete(workspace)
    assert only.params["precision"] == first
    (point,) = load_front(workspace, "s")
    assert point.architecture["precision"] == "int8" and only.stored_configuration.architecture.precision == "int8"
    assert only.stored_as == (None if first == "int8" else "int8")
    for trial in trials:
        if trial.number != only.number:
            assert isinstance(trial.outcome, Duplicate) and trial.outcome.of == only.number and trial.stored_as == "int8"
            assert trial.measurement is not None and trial.measurement.size_bytes == point.size_bytes
            assert "int8 takes fewer bytes than coded" in trial.reason
    assert {t.params["precision"] for t in trials} == {first, "coded", "coded_50"}
    assert tracker.fields[only.number]["precision"] == "int8"
    again = TinyFiles()
    run_search(study(begin, space=space, budget={"trials": 2, "epochs": 2}), workspace, None, again)
    assert len(again.networks) == 1 and len(complete(workspace)) == 2, "no precision of the first network is trained again"


def test_which_seen_variant_decides_about_an_architecture() -> None:
    variants, seen = PrecisionVariants(SearchSpace(SPACE), enabled=True), SeenArchitectures()
    full, small = (Configuration(Architecture(width_percent=50, precision=p)) for p in ("fp32", "int8"))
    assert variants.known(small, seen) is None
    seen.put_running(full.digest, 7)
    assert variants.known(small, seen) == seen.get(full.digest) == variants.known(full, seen)
    measured = Measured(Measurement(0.9, 0.1, 1000, 1.0, 250, 500), Path("m.onnx"), 2)
    for outcome, decides in (
        (outcomes.Stopped(1, "why"), True),
        (outcomes.Failed("why"), True),
        (OverLimit("why", 0.1), False),
        (measured, False),
    ):
        seen.trial_closed(StoredTrial.of(7, {}, full.architecture, None, outcome))
        assert (variants.known(small, seen) is not None) == decides, outcome
        assert variants.known(full, seen) == seen.get(full.digest)
    assert {other.architecture.precision for other in variants.of(full)} == {"fp16", "int8"}
    assert not list(PrecisionVariants(SearchSpace(SPACE), enabled=False).of(full))
