"""Weights of a study's trainings: one file each, within a limit, and never one that a killed run has left half written."""

from pathlib import Path

import pytest

from search_space import Architecture
from studies.workspace.kept_weights import KeptWeights
from trainers.base.file_digest import file_sha256
from trainers.inherit.parent import Parent

SIZE = 100


def write(file: Path) -> None:
    file.write_bytes(file.name.encode().ljust(SIZE))


def parent(trial: int, cer: float, epochs: int = 3) -> Parent:
    return Parent(f"trial {trial}", None, None, epochs, 10 * epochs, cer, Architecture())


def names(kept: KeptWeights) -> list[str]:
    return [each.name for each in kept.parents]


def opened(folder: Path, limit_bytes: float = 1e6) -> tuple[KeptWeights, list[str]]:
    notes: list[str] = []
    return KeptWeights(folder, limit_bytes, notes.append), notes


def test_the_latest_weights_of_each_training_are_there_in_the_next_run(tmp_path: Path) -> None:
    kept, _ = opened(tmp_path)
    kept.keep("a", parent(1, 0.4), write)
    kept.keep("b", parent(2, 0.3), write)
    kept.keep("a", parent(1, 0.2, epochs=9), write)
    again, notes = opened(tmp_path)
    assert again.parents == kept.parents and not notes
    assert [(p.name, p.cer, p.epochs) for p in again.parents] == [("trial 1", 0.2, 9), ("trial 2", 0.3, 3)]
    assert (again.epochs("a"), again.epochs("c")) == (9, 0)
    for each in again.parents:
        assert each.file is not None and file_sha256(each.file) == each.sha256
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".json", ".json", ".safetensors", ".safetensors"]


def test_the_worst_go_first_when_the_limit_is_reached(tmp_path: Path) -> None:
    kept, _ = opened(tmp_path, 2 * SIZE)
    for trial, cer in enumerate([0.2, 0.4, 0.1, 0.3]):
        kept.keep(str(trial), parent(trial, cer), write)
    assert names(kept) == names(opened(tmp_path)[0]) == ["trial 0", "trial 2"]
    assert len(list(tmp_path.iterdir())) == 4


def test_missing_weights_are_said_and_left_out(tmp_path: Path) -> None:
    kept, _ = opened(tmp_path)
    for trial in range(3):
        kept.keep(str(trial), parent(trial, 0.2), write)
    gone = kept.parents[1].file
    assert gone is not None
    gone.unlink()
    again, notes = opened(tmp_path)
    assert names(again) == ["trial 0", "trial 2"]
    assert notes == [f"weights of trial 1 are missing from {tmp_path}; candidates begin with others"]
    assert not opened(tmp_path)[1], "said once"


def test_what_a_killed_run_has_left_half_done_is_never_a_parent(tmp_path: Path) -> None:
    kept, _ = opened(tmp_path)
    kept.keep("a", parent(1, 0.2), write)

    def killed(file: Path) -> None:
        write(file)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept.keep("a", parent(1, 0.1, epochs=9), killed)
    with pytest.raises(KeyboardInterrupt):
        kept.keep("b", parent(2, 0.1), killed)
    (tmp_path / "c.json").write_text("{")
    again, notes = opened(tmp_path)
    assert [(p.name, p.epochs) for p in again.parents] == [("trial 1", 3)] and not notes
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a-3.safetensors", "a.json"]


def test_a_workspace_may_be_moved(tmp_path: Path) -> None:
    kept, _ = opened(tmp_path / "before")
    kept.keep("a", parent(1, 0.2), write)
    (tmp_path / "before").rename(tmp_path / "after")
    (found,) = opened(tmp_path / "after")[0].parents
    assert found.file == tmp_path / "after" / "a-3.safetensors"
