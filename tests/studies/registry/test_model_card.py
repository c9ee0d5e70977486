"""A registered version says what its file reads of the test lines; the file itself stays as it was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from studies.registry.mlflow_client import open_mlflow
from studies.registry.model_card import as_tags, description_of, facts_of
from studies.registry.model_registry import find, promote
from studies.storage.front_point import FrontPoint
from studies.workspace.paths import Workspace
from testing.tiny_model import tiny_point


@pytest.fixture(scope="module")
def point(tmp_path_factory: pytest.TempPathFactory) -> FrontPoint:
    return tiny_point(tmp_path_factory.mktemp("models") / "7.onnx", trial=7, accuracy=0.5)


def test_what_was_read_of_the_test_lines_is_in_the_version_and_not_in_the_file(tmp_path: Path, point: FrontPoint) -> None:
    workspace, before = Workspace(tmp_path).prepare(), Path(point.model).read_bytes()
    tested = replace(point, test_accuracy=0.75, test_cer=0.05, test_lines=400)
    promotion = promote(tested, "tested", workspace, "digits")
    assert (promotion.test_accuracy, promotion.test_cer, promotion.test_lines) == (0.75, 0.05, 400)
    assert promotion.test_accuracy_low == pytest.approx(0.7053, abs=1e-3)
    champion = find(workspace, "models:/tested@champion")
    (file,) = champion.folder.rglob("*.onnx")
    assert file.read_bytes() == before == Path(point.model).read_bytes()
    written = {"test_accuracy": "0.75", "test_cer": "0.05", "test_lines": "400"}
    assert written.items() <= champion.tags.items()
    metadata = yaml.safe_load((champion.folder / "MLmodel").read_text())["metadata"]
    assert (metadata["test_accuracy"], metadata["test_cer"], metadata["test_lines"]) == (0.75, 0.05, 400)
    assert metadata["sha256"] == promotion.sha256
    assert open_mlflow(workspace).get_model_version("tested", "1").description == description_of(tested, "digits")


def test_the_description_says_both_scores_with_their_intervals(point: FrontPoint) -> None:
    tested = replace(point, validation_lines=500, test_accuracy=0.75, test_cer=0.05, test_lines=1400)
    words = description_of(tested, "digits")
    assert words.startswith(f"Trial 7 of study 'digits', {point.size_bytes:,} bytes. 500 validation lines: 50.0% read without")
    assert "1,400 test lines, which the search has not seen: 75.0% read without an error (95 % interval 72.7% to 77." in words
    assert words.endswith("5.0% of characters wrong.")


def test_the_description_says_what_the_training_began_with(point: FrontPoint) -> None:
    begun = {"parent": "models:/reader/3", "inherited_share": 0.98, "lineage_epochs": 40}
    assert description_of(point, "digits", begun).startswith("Trial 7 of study 'digits', begun from models:/reader/3, ")
    assert description_of(point, None, begun).startswith("Trained by 'paretext train', begun from models:/reader/3, ")
    assert begun.items() <= facts_of(point, "digits", "ab", None, begun).items()
    assert not {"study", "trial"} & set(facts_of(point, None, "ab", None))


def test_what_is_not_known_is_left_out(point: FrontPoint) -> None:
    facts = facts_of(replace(point, validation_lines=0), "digits", "ab", None)
    assert not {"test_accuracy", "test_cer", "test_lines", "validation_lines", "previous_version"} & set(facts)
    assert as_tags({"trial": 7, "accuracy": 1 / 3, "study": "digits"}) == {
        "trial": "7",
        "accuracy": "0.333333",
        "study": "digits",
    }
    assert "test" not in description_of(point, "digits")
