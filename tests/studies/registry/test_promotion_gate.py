"""A candidate becomes the champion only if it is better on the same lines, or not told apart and not larger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search_space.architecture import Architecture
from studies import history, promote, rollback
from studies.registry.champion_changes import ChampionChange, Reason, champion_before, champion_changes, set_champion
from studies.registry.compared_lines import ComparedLines
from studies.registry.mlflow_client import open_mlflow
from studies.registry.model_registry import find
from studies.registry.promotion_gate import Gate
from studies.workspace.paths import Workspace
from testing.template_reader import CHARSET, TemplateReader, write_lines
from trainers.base.candidate import Candidate, Measurement
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.data.spec import DataSpec
from trainers.export.onnx_file import export
from trainers.inference.model_metadata import ModelMetadata

LINES = 60
"""Lines of each kind."""
READERS = {
    "good": (CHARSET, 0.1, 0),
    "large": (CHARSET, 0.1, 1_000),
    "bad": (CHARSET, 0.8, 0),
    "wide": ((*CHARSET, "Ä", "Ö"), 0.1, 0),
}
"""Characters, noise in the weights, and bytes of padding; `large` reads exactly as `good`."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with lines, the folders of finished trainings, and a workspace."""
    home = tmp_path_factory.mktemp("home")
    for seed, part in enumerate(("train", "validation", "test")):
        write_lines(home / "lines" / part, LINES, seed)
    for name, reader in READERS.items():
        training(home, name, *reader)
    return home


@pytest.fixture(scope="module")
def workspace(home: Path) -> Workspace:
    return Workspace(home / "runs").prepare()


def training(home: Path, name: str, symbols: tuple[str, ...], noise: float, padding: int) -> None:
    """Writes the folder of a finished training."""
    (home / name).mkdir()
    fields = {"padding": "x" * padding} if padding else {}
    model = home / name / "model.onnx"
    export(TemplateReader(symbols, noise), model, ModelMetadata(symbols, "none", 32, 4, fields, "0" * 16, "0" * 16))
    measured = Measurement(0.5, 0.2, model.stat().st_size, 1.0, 1_000, LINES, sha256=file_sha256(model))
    parts = {"training": "train", "validation": "validation", "test": "test"}
    data = DataSpec(**{key: str(home / "lines" / part) for key, part in parts.items()})
    stored = {"identity": "x", "candidate": Candidate(Architecture(), measured, model).as_dict(), "data": data.as_dict()}
    (home / name / "candidate.json").write_text(json.dumps(stored))


# long: one story, because each promotion takes MLflow a second
def test_what_is_better_becomes_champion_and_what_is_worse_only_by_force(home: Path, workspace: Workspace) -> None:
    """From a first champion to a rollback: all versions, aliases, tags and changes."""
    good, bad = str(home / "good"), str(home / "bad")
    assert promote(bad, model="m", workspace=workspace, dry_run=True).version == 1 and not workspace.mlflow_file.exists()
    first = promote(bad, model="m", workspace=workspace)
    assert (first.outcome, first.version, first.gate) == ("promoted", 1, None)
    assert promote(bad, model="m", workspace=workspace).outcome == "unchanged"
    before = history("m", workspace)
    would = promote(good, model="m", workspace=workspace, dry_run=True)
    assert (would.outcome, would.version, would.previous_version, would.dry_run) == ("promoted", 2, 1, True)
    assert history("m", workspace) == before

    better = promote(good, model="m", workspace=workspace)
    assert better.with_(dry_run=True) == would
    compared = better.comparison
    assert compared is not None and (compared.origin, compared.lines) == (f"{LINES} test lines", LINES)
    assert compared.accuracy > compared.champion_accuracy and compared.p < 0.05
    tags = find(workspace, "models:/m@champion").tags
    assert (tags["compared_version"], tags["compared_digest"], tags["previous_version"]) == ("1", compared.digest, "1")
    assert {"data_digest", "accuracy_low", "accuracy_high", "sha256", "bytes"} <= set(tags) and "forced" not in tags
    assert "It is better than version 1: " in history("m", workspace).versions[1].description

    with pytest.raises(UserError, match=r"^the training does not become .* it is worse than version 2: .*--force"):
        promote(bad, model="m", workspace=workspace)
    beside = promote(bad, model="m", workspace=workspace, challenger=True)
    assert (beside.address, beside.version) == ("models:/m@challenger", 1), "the same file is not registered twice"
    assert {version.version: version.aliases for version in history("m", workspace).versions} == {
        1: ("challenger",),
        2: ("champion",),
    }
    forced = promote(bad, model="m", workspace=workspace, force=True)
    assert (forced.outcome, forced.version) == ("forced", 1)
    assert find(workspace, "models:/m/1").tags["forced"].startswith("promoted although it is worse than version 2: ")
    assert {version.version: version.aliases for version in history("m", workspace).versions} == {1: ("champion",), 2: ()}

    assert [rollback("m", workspace=workspace).version for _ in range(2)] == [2, 1]
    for to, reason in ((None, "had no champion before"), (1, "is the champion already"), (9, "has no version 9")):
        with pytest.raises(UserError, match=reason):
            rollback("m", to, workspace)
    rollback("m", 2, workspace)
    changes = history("m", workspace).changes
    assert [(change.version, change.before, change.reason) for change in changes] == [
        (1, None, "promoted"), (2, 1, "promoted"), (1, 2, "forced"),
        (2, 1, "rolled back"), (1, 2, "rolled back"), (2, 1, "rolled back"),
    ]  # fmt: skip
    client = open_mlflow(workspace)
    client.set_registered_model_alias("m", "champion", "1")
    assert history("m", workspace).changes[-1] == ChampionChange(None, 1, 2, "set elsewhere")
    client.set_registered_model_alias("m", "champion", "2")
    for key in list(client.get_registered_model("m").tags):
        client.delete_registered_model_tag("m", key)  # as in registries of before, whose changes are not recorded
    assert [change.version for change in history("m", workspace).changes] == [1, 2]


def test_a_champion_that_was_set_elsewhere_stays_in_the_history(workspace: Workspace) -> None:
    client = open_mlflow(workspace)
    client.create_registered_model("elsewhere")
    for _ in range(4):
        client.create_model_version("elsewhere", "nowhere")
    set_champion(client, "elsewhere", 1, None, "promoted")
    set_champion(client, "elsewhere", 2, 1, "promoted")
    client.set_registered_model_alias("elsewhere", "champion", "3")
    set_champion(client, "elsewhere", 4, 3, "promoted")
    changes = champion_changes(client, "elsewhere")
    assert changes[2] == ChampionChange(None, 3, 2, "set elsewhere") and len(changes) == 4
    assert champion_before(changes) == 3
    set_champion(client, "elsewhere", 3, 4, "rolled back")
    assert champion_before(champion_changes(client, "elsewhere")) == 2


def test_of_files_that_read_alike_the_smaller_passes(home: Path, workspace: Workspace) -> None:
    good, large = home / "good" / "model.onnx", home / "large" / "model.onnx"
    gate = Gate(ComparedLines.of_source(str(home / "lines" / "test"), "none", workspace.cache))
    refused = gate.judge(large, 1, lambda: good)
    assert not refused.passes and refused.reason.startswith("it is larger, and not told apart from version 1: ")
    assert gate.judge(good, 1, lambda: large).passes and gate.judge(good, 1, lambda: good).passes


def test_a_candidate_that_writes_fewer_characters_is_refused(home: Path, workspace: Workspace) -> None:
    good, wide = home / "good" / "model.onnx", home / "wide" / "model.onnx"
    lines, data = home / "lines", {"training": str(home / "lines" / "train"), "validation": str(home / "lines" / "validation")}
    own = Gate(ComparedLines(DataSpec(**data), workspace.cache))
    assert own.judge(good, 1, lambda: wide).reason == "it cannot write 2 characters that version 1 writes: Ä Ö"
    assert own.judge(wide, 1, lambda: good).comparison is not None, "more characters are no loss"
    assert Gate(ComparedLines.of_source(str(lines / "test"), "none", workspace.cache)).judge(good, 1, lambda: wide).comparison


def test_what_cannot_be_compared_is_refused(home: Path, workspace: Workspace) -> None:
    good, bad = home / "good" / "model.onnx", home / "bad" / "model.onnx"
    gone = ComparedLines.of_source(str(home / "nowhere"), "none", workspace.cache)
    for gate, reason in (
        (Gate(None), "the lines that it was measured on are not recorded"),
        (Gate(gone), "its lines cannot be read ("),
    ):
        verdict = gate.judge(good, 7, lambda: bad)
        assert (
            not verdict.passes
            and verdict.reason.startswith("it cannot be compared with version 7: ")
            and reason in verdict.reason
        )

    def damaged() -> Path:
        raise UserError("the file of m version 7 is damaged")

    assert (
        Gate(gone).judge(good, 7, damaged).reason == "it cannot be compared with version 7: the file of m version 7 is damaged"
    )


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("", None),
        ("p1", None),
        ("p1 p2", 1),
        ("p1 p2 p3 r2", 1),
        ("p1 p2 p1 p3 r1 r2", 1),
        ("p1 p2 p3 r1", None),
        ("p1 p2 r1 p4", 1),
        ("p1 s5", 1),
    ],
)
def test_the_champion_before(steps: str, expected: int | None) -> None:
    reasons: dict[str, Reason] = {"p": "promoted", "r": "rolled back", "s": "set elsewhere"}
    changes, now = [], None
    for step in steps.split():
        changes.append(ChampionChange(None, int(step[1:]), now, reasons[step[0]]))
        now = int(step[1:])
    assert champion_before(changes) == expected
