"""What a study may begin with, as it is written; nothing is looked up."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies.definition.begin_spec import absolute_begin, begin_fault
from studies.definition.model_address import ModelAddress, parse_address
from trainers.base.errors import UserError


@pytest.mark.parametrize(
    "text",
    ["random", "starter", "models:/reader@champion", "models:/reader/3", "study:digits", "no/such/model.onnx", "W.safetensors"],
)
def test_every_form_is_accepted_without_looking_anything_up(text: str) -> None:
    assert begin_fault(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("strater", "did you mean 'starter'?"),
        ("models:/reader", "write models:/NAME@champion or models:/NAME/VERSION"),
        ("models:reader@champion", "is not the URI of a registered model"),
        ("study:", "needs the name of a study"),
        ("checkpoint.pt", "could run code when it is loaded; give the exported .onnx file"),
        ("", "it says nothing to begin with; write starter, random, models:/NAME@champion"),
    ],
)
def test_a_mistake_is_one_line_with_what_to_write_instead(text: str, message: str) -> None:
    fault = begin_fault(text)
    assert fault is not None and message in fault and "\n" not in fault


def test_the_path_of_a_file_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert absolute_begin("a.onnx") == str(tmp_path / "a.onnx")
    assert absolute_begin("~/a.onnx") == str(tmp_path / "home" / "a.onnx")
    for other in ("starter", "models:/reader.v2@champion", "study:a.b"):
        assert absolute_begin(other) == other


def test_an_address_has_either_an_alias_or_a_version() -> None:
    assert parse_address("models:/reader@champion") == ModelAddress("reader", "champion", None)
    assert parse_address("models:/reader/12") == ModelAddress("reader", None, "12")
    for wrong in ("models:/reader/twelve", "models:/a/b@champion", "models:/@champion", "runs:/reader/1"):
        with pytest.raises(UserError, match="is not the URI of a registered model"):
            parse_address(wrong)
