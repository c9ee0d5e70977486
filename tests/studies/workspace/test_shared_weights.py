"""Weights that networks begin with reach the nodes of a cluster through the shared folder."""

from dataclasses import replace
from pathlib import Path

from studies.workspace.paths import Workspace
from studies.workspace.remote_trial_files import RemoteTrialFiles
from studies.workspace.trial_files import TrialFiles
from trainers.base.file_digest import file_sha256
from trainers.inherit.parent import Parent


def test_weights_are_shared_once_under_their_hash_and_fetched_by_a_node(tmp_path: Path) -> None:
    workspace, place = Workspace(tmp_path / "runs"), tmp_path / "shared"
    trials, node = workspace.trials("s"), tmp_path / "node" / "s" / "trials"
    copies = RemoteTrialFiles(f"file://{place}")
    files = [tmp_path / "a.safetensors", tmp_path / "b.onnx", tmp_path / "gone.onnx"]
    for file in files[:2]:
        file.write_bytes(file.name.encode())
    parents = (*(Parent(file.stem, file) for file in files), Parent("starter"))
    shared = copies.share_weights(trials, parents)
    assert copies.share_weights(trials, parents) == shared
    assert [parent.sha256 for parent in shared] == [file_sha256(files[0]), file_sha256(files[1]), None, None]
    assert len(list((place / "s" / "weights").iterdir())) == 2
    assert copies.names(trials) == [], "no trial is called so"

    fetched = copies.fetch_weights(node, shared, tmp_path / "scratch")
    assert [parent.name for parent in fetched] == ["a", "b", "gone", "starter"]
    for before, after in zip(files[:2], fetched, strict=False):
        assert after.file is not None and after.file.read_bytes() == before.read_bytes()
        assert after.file.suffix == before.suffix and after.file.is_relative_to(tmp_path / "scratch")
    assert fetched[2:] == shared[2:]

    TrialFiles(workspace, "s", f"file://{place}", print).keep_shared_weights({file_sha256(files[0])})
    (lost, kept) = sorted(copies.fetch_weights(node, shared[:2], tmp_path / "again"), key=lambda p: p.name == "a")
    assert kept.file is not None and kept.file.is_file()
    assert lost.file is not None and not lost.file.exists(), "the training says so and takes the next"
    assert replace(lost, file=files[1]) == shared[1]
