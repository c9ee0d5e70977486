"""Trials that begin with the weights of a parent."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from search_space import Architecture
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.candidate import Candidate
from trainers.base.file_digest import file_sha256
from trainers.base.lineage import MOST_ANCESTORS, Ancestor, Lineage
from trainers.base.progress import EpochReport, Paused
from trainers.base.recipe import Recipe
from trainers.data.open_datasets import prepare_once
from trainers.data.spec import DataSpec
from trainers.inherit.parent import Parent
from trainers.inherit.weights_file import WeightsRecord, write_weights
from trainers.training.relative import relative_of
from trainers.trial.run import TrialJob, run_trial, training_job

TINY = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)
QUICK = Recipe(learning_rate=4e-3, warmup_epochs=1, batch_lines=16, clip_norm=5, augmentation=0.1, validation_lines=50)


@pytest.fixture(scope="module")
def parent_job(tmp_path_factory: pytest.TempPathFactory) -> TrialJob:
    """A finished training of six epochs."""
    folder = tmp_path_factory.mktemp("data")
    write_pairs(folder / "training", striped_lines(120, 0))
    write_pairs(folder / "validation", striped_lines(20, 1))
    data = DataSpec(training=str(folder / "training"), validation=str(folder / "validation"))
    job = TrialJob(TINY.with_(width_percent=50), data, folder / "cache", QUICK, 6, folder / "parent")
    assert isinstance(run_trial(job, lambda _: True), Candidate)
    return job


@pytest.fixture(scope="module")
def parent(parent_job: TrialJob) -> Parent:
    """Its weights file."""
    relative = relative_of(training_job(parent_job, prepare_once(parent_job.data, parent_job.cache_folder)))
    assert relative is not None
    file = parent_job.folder / "weights.safetensors"
    before = Ancestor("starter", None, 5, 1_000, "a" * 64)
    write_weights(file, relative, WeightsRecord(epochs=11, lines=1_720, cer=0.1, lineage=(before.as_dict(),)))
    return Parent("trial 12", file, file_sha256(file), 11, 1_720, 0.1, parent_job.architecture)


class Reports(list[EpochReport]):
    """Receives the reports of a training."""

    def __call__(self, report: EpochReport) -> bool:
        self.append(report)
        return True


def child(parent_job: TrialJob, folder: Path, *parents: Parent, epochs: int = 2) -> TrialJob:
    return replace(parent_job, architecture=TINY, epochs=epochs, folder=folder, parents=parents)


def test_a_network_begins_with_its_parents_weights_and_says_so_once(
    parent_job: TrialJob, parent: Parent, tmp_path: Path
) -> None:
    reports, random = Reports(), Reports()
    job = child(parent_job, tmp_path / "child", parent)
    assert isinstance(run_trial(job, reports, until_epoch=1), Paused)
    run_trial(child(parent_job, tmp_path / "random"), random, until_epoch=1)
    assert reports[0].loss < 0.5 * random[0].loss
    assert reports[0].note.startswith("begins with ") and reports[0].note.endswith(" % of its weights from trial 12")
    lineage = reports[0].lineage
    assert lineage is not None and 0.5 < lineage.share <= 1
    assert [each.name for each in lineage.ancestors] == ["trial 12", "starter"]
    assert (lineage.epochs, lineage.lines, lineage.parent.sha256) == (11, 1_720, parent.sha256)
    assert random[0].lineage is None and not random[0].note

    resumed = Reports()
    done = run_trial(replace(job, parents=(replace(parent, name="trial 13"),)), resumed)
    assert isinstance(done, Candidate) and done.lineage == lineage, "a training that resumes ignores its parents"
    assert [(r.epoch, r.note, r.lineage) for r in resumed] == [(2, "", lineage)]
    assert Candidate.from_dict(json.loads(json.dumps(done.as_dict()))) == done
    again = run_trial(job, resumed)
    assert isinstance(again, Candidate) and again.lineage == lineage


def test_an_exported_file_is_a_parent_too_at_any_height(parent_job: TrialJob, tmp_path: Path) -> None:
    exported = Parent("reader.onnx", parent_job.folder / "model.onnx", epochs=6)
    reports, random = Reports(), Reports()
    run_trial(child(parent_job, tmp_path / "child", exported, epochs=1), reports)
    run_trial(child(parent_job, tmp_path / "random", epochs=1), random)
    assert reports[0].loss < 0.5 * random[0].loss
    higher = child(parent_job, tmp_path / "higher", exported, epochs=1)
    higher = replace(higher, architecture=TINY.with_(height_px=48), data=higher.data.model_copy(update={"height_px": 48}))
    assert isinstance(run_trial(higher, reports), Candidate)
    assert reports[-1].lineage is not None and reports[-1].lineage.share > 0.5
    grandchild = child(
        parent_job, tmp_path / "grandchild", Parent("child.onnx", higher.folder / "model.onnx", epochs=7), epochs=1
    )
    run_trial(grandchild, reports)
    assert reports[-1].lineage is not None, "the record beside the file knows its ancestors"
    assert [each.name for each in reports[-1].lineage.ancestors] == ["child.onnx", "reader.onnx"]


@pytest.mark.parametrize("fault", ["is missing", "has changed", "is damaged", "not a weights file"])
def test_a_parent_that_cannot_be_read_is_said_and_the_next_one_taken(
    parent_job: TrialJob, parent: Parent, tmp_path: Path, fault: str
) -> None:
    assert parent.file is not None
    file = tmp_path / "bad.safetensors"
    content = parent.file.read_bytes()
    bad = replace(parent, name="trial 3", file=file, sha256=None)
    if fault == "has changed":
        file.write_bytes(content)
        bad = replace(bad, sha256="0" * 64)
    elif fault == "is damaged":
        file.write_bytes(content[: len(content) // 2])
    elif fault == "not a weights file":
        file.write_bytes(b"\x80\x04K\x01.")
    reports = Reports()
    run_trial(child(parent_job, tmp_path / "child", bad, parent), reports, until_epoch=1)
    assert reports[0].note.startswith("trial 3 cannot be inherited from: ") and fault in reports[0].note
    assert reports[0].note.endswith(" % of its weights from trial 12")
    assert reports[0].lineage is not None and reports[0].lineage.parent.name == "trial 12"
    run_trial(child(parent_job, tmp_path / "alone", bad), reports, until_epoch=1)
    assert reports[-1].note.endswith("; it begins with random weights") and reports[-1].lineage is None


def test_a_backbone_without_starter_weights_begins_with_random_ones_and_nothing_is_said(
    parent_job: TrialJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainers.trial.initial_weights.has_starter", lambda _: False)
    reports = Reports()
    run_trial(child(parent_job, tmp_path / "child", Parent("starter")), reports, until_epoch=1)
    assert reports[0].note == "begins with random weights" and reports[0].lineage is None


def test_parents_travel_as_json(parent_job: TrialJob, parent: Parent, tmp_path: Path) -> None:
    job = child(parent_job, tmp_path, parent, Parent("starter"))
    assert TrialJob.from_dict(json.loads(json.dumps(job.as_dict()))) == job
    older = job.as_dict()
    del older["parents"]
    assert TrialJob.from_dict(older).parents == ()


def test_a_lineage_keeps_the_newest_ancestors() -> None:
    lineage = Lineage.of(1.0, Ancestor("trial 0", None, 1, 10))
    for number in range(1, 20):
        lineage = Lineage.of(0.5, Ancestor(f"trial {number}", None, number, number), lineage.ancestors)
    assert len(lineage.ancestors) == MOST_ANCESTORS and lineage.parent.name == "trial 19"
    assert Lineage.from_dict(json.loads(json.dumps(lineage.as_dict()))) == lineage
