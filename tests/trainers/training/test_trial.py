"""Laws of a trial: its folder is all it is, and what it ends with was measured from its file."""

import copy
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from search_space import Architecture
from search_space.recognizer import Recognizer
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.candidate import Candidate
from trainers.base.errors import TrainingFault, fault_of
from trainers.base.progress import EpochReport, Paused
from trainers.base.recipe import Recipe
from trainers.data.spec import DataSpec
from trainers.export.onnx_file import graph_of
from trainers.inference.reader import Reader
from trainers.trial.epoch_log import EPOCHS_NAME
from trainers.trial.run import CANDIDATE_NAME, MODEL_NAME, TrialJob, run_trial

TINY = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)
QUICK = Recipe(learning_rate=4e-3, warmup_epochs=1, batch_lines=16, clip_norm=5, augmentation=0.1, validation_lines=50)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> DataSpec:
    folder = tmp_path_factory.mktemp("data")
    write_pairs(folder / "training", striped_lines(24, 0))
    write_pairs(folder / "validation", striped_lines(9, 1))
    return DataSpec(training=str(folder / "training"), validation=str(folder / "validation"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def onward(_: EpochReport) -> bool:
    return True


def never(_: EpochReport) -> bool:
    raise AssertionError("trained again")


def test_a_wrong_graph_is_found_whatever_precision_is_stored(
    tmp_path: Path, data: DataSpec, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(recognizer: Recognizer, height_px: int) -> Any:
        other = copy.deepcopy(recognizer)
        with torch.no_grad():
            for parameter in other.head.parameters():
                parameter.neg_()
        return graph_of(other, height_px)

    monkeypatch.setattr("trainers.trial.model_files.graph_of", wrong)
    with pytest.raises(TrainingFault, match=r"the network reads '.*' and its file reads '.*'") as caught:
        run_trial(TrialJob(TINY.with_(precision="int8"), data, cache, QUICK, 1, tmp_path / "trial"), onward)
    assert caught.value.kind == "export"


def test_a_trial_pauses_ends_and_is_not_run_again(tmp_path: Path, data: DataSpec, cache: Path) -> None:
    job, reports = TrialJob(TINY, data, cache, QUICK, 2, tmp_path / "trial"), []

    def report(epoch: EpochReport) -> bool:
        reports.append(epoch)
        return True

    rest = run_trial(job, report, until_epoch=1)
    assert isinstance(rest, Paused) and rest.epoch == 1
    candidate = run_trial(job, report)
    assert isinstance(candidate, Candidate)
    assert [r.epoch for r in reports] == [1, 2]
    assert run_trial(job, never) == candidate
    whole = candidate.model.read_bytes()
    candidate.model.write_bytes(bytes(len(whole)))
    assert isinstance(run_trial(job, never), Candidate), "a damaged file is exported again, without training"
    assert candidate.model.read_bytes() == whole
    assert candidate.measurement.size_bytes == candidate.model.stat().st_size
    assert candidate.measurement.lines == 9
    assert Reader(candidate.model).metadata.digest == TINY.digest
    assert sorted(p.name for p in job.folder.iterdir()) == sorted(
        [CANDIDATE_NAME, "checkpoint.pt", EPOCHS_NAME, MODEL_NAME, "model.training.json"]
    )

    moved = tmp_path / "moved"
    shutil.move(job.folder, moved)
    found = run_trial(replace(job, folder=moved), never)
    assert isinstance(found, Candidate) and found.model == moved / MODEL_NAME


def test_what_is_trained_is_stored_in_every_precision_asked_for(tmp_path: Path, data: DataSpec, cache: Path) -> None:
    job = TrialJob(TINY, data, cache, QUICK, 1, tmp_path / "trial", also_in=("fp16", "int8", "coded_60"))
    candidate = run_trial(job, onward)
    assert isinstance(candidate, Candidate)
    forms = (candidate, *candidate.also)
    assert [form.asked for form in forms] == [TINY.with_(precision=p) for p in ("fp32", "fp16", "int8", "coded_60")]
    for form in forms:
        reader = Reader(form.model)
        assert reader.metadata.digest == form.architecture.digest
        assert form.measurement.size_bytes == form.model.stat().st_size
    sizes = [form.measurement.size_bytes for form in forms]
    assert sizes == sorted(sizes, reverse=True) and sizes[2] < 0.6 * sizes[0]
    assert [form.asked_precision for form in forms] == [None] * 4, "each is stored as it was asked for"
    assert run_trial(job, never) == candidate == Candidate.from_dict(candidate.as_dict())
    alone = run_trial(replace(job, architecture=TINY.with_(precision="int8"), folder=tmp_path / "alone", also_in=()), onward)
    assert isinstance(alone, Candidate)
    assert alone.model.read_bytes() == candidate.also[1].model.read_bytes(), "the same file as trained on its own"
    candidate.also[0].model.unlink()
    again = run_trial(job, onward)
    assert isinstance(again, Candidate) and again.also[0].model.is_file(), "a file that is gone is made again"


def test_another_trials_folder_is_emptied(tmp_path: Path, data: DataSpec, cache: Path) -> None:
    job = TrialJob(TINY, data, cache, QUICK, 1, tmp_path)
    run_trial(job, onward)
    rest = run_trial(replace(job, seed=1, epochs=2), lambda _: False)
    assert isinstance(rest, Paused) and rest.epoch == 1 and rest.stopped
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint.pt", EPOCHS_NAME]


def test_a_damaged_candidate_file_is_measured_again(tmp_path: Path, data: DataSpec, cache: Path) -> None:
    job = TrialJob(TINY, data, cache, QUICK, 1, tmp_path)
    first = run_trial(job, onward)
    (tmp_path / CANDIDATE_NAME).write_text("{")
    again = run_trial(job, never)
    assert isinstance(first, Candidate) and isinstance(again, Candidate)
    assert again.measurement.accuracy == first.measurement.accuracy


def test_damaged_decoded_lines_are_decoded_again(tmp_path: Path, data: DataSpec) -> None:
    cache = tmp_path / "cache"
    run_trial(TrialJob(TINY, data, cache, QUICK, 1, tmp_path / "first"), onward)
    for file in cache.rglob("*.bin"):
        file.write_bytes(bytes(255 - byte for byte in file.read_bytes()))
    assert isinstance(run_trial(TrialJob(TINY, data, cache, QUICK, 1, tmp_path / "second"), onward), Candidate)


def test_a_job_travels_as_json(tmp_path: Path) -> None:
    job = TrialJob(TINY, DataSpec(training="digits", weights=(1,)), tmp_path / "cache", QUICK, 3, tmp_path, seed=4, threads=2)
    assert TrialJob.from_dict(json.loads(json.dumps(job.as_dict()))) == job


def test_describing_a_trial_needs_no_torch() -> None:
    code = "import sys, trainers.trial.run; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_that_onnx_runtime_cannot_run_is_a_fault_of_the_architecture(
    tmp_path: Path, data: DataSpec, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not one of the machine, which would stop the whole search again and again."""
    monkeypatch.setattr(
        "trainers.trial.model_files.write", lambda graph, path, *_: path.write_bytes(b"no operator of that name")
    )
    with pytest.raises(TrainingFault, match="is not a readable ONNX file") as caught:
        run_trial(TrialJob(TINY, data, cache, QUICK, 1, tmp_path / "trial"), onward)
    assert fault_of(caught.value).kind == "export"


def test_fine_files_share_a_finish_and_each_coarse_one_has_its_own_the_same_each_time(
    tmp_path: Path, data: DataSpec, cache: Path
) -> None:
    recipe, precisions = QUICK.with_(finish_epochs=2), ("fp16", "coded_60")
    plain = run_trial(TrialJob(TINY, data, cache, recipe, 1, tmp_path / "plain", also_in=precisions), onward)
    job = TrialJob(TINY, data, cache, recipe, 1, tmp_path / "trial", also_in=precisions, finish=True)
    notes: list[str] = []
    candidate = run_trial(job, lambda report: notes.append(report.note) is None)
    assert isinstance(plain, Candidate) and isinstance(candidate, Candidate)
    before, after = ({form.asked.precision: form for form in (c, *c.also)} for c in (plain, candidate))
    assert {form.measurement.finish_lines for form in before.values()} == {None}
    assert {form.measurement.finish_lines for form in after.values()} == {48}, "two epochs of 24 lines"
    assert not any(before[p].model.read_bytes() == after[p].model.read_bytes() for p in before)
    finishes = [f"{named}: epoch {n} of 2" for named in ("finish", "quantisation-aware finish of coded_60") for n in (1, 2)]
    assert sorted(note.split(",")[0] for note in notes if note) == sorted(finishes)
    assert after["coded_60"].measurement.parameters == before["coded_60"].measurement.parameters
    assert Candidate.from_dict(candidate.as_dict()) == candidate

    content = {precision: form.model.read_bytes() for precision, form in after.items()}
    (job.folder / CANDIDATE_NAME).unlink()  # as if it had been killed during the finish
    assert isinstance(run_trial(job, onward), Candidate)
    assert {precision: form.model.read_bytes() for precision, form in after.items()} == content

    exported = run_trial(replace(job, export_only=True), onward)  # as at the end of a search
    assert isinstance(exported, Candidate) and exported.model.read_bytes() == content["fp32"]


def test_a_finish_is_no_part_of_the_training_and_its_checkpoint() -> None:
    assert QUICK.with_(finish_epochs=3).digest == QUICK.digest
