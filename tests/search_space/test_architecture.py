"""Architectures: names for networks, equal when the networks are."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields

import pytest

from search_space import Architecture, RefusedArchitecture


def test_a_field_without_effect_is_neutral_so_equal_networks_are_equal() -> None:
    assert Architecture(encoder="none", encoder_hidden=96) == Architecture(encoder="none", encoder_hidden=48, encoder_layers=3)
    assert Architecture(head_rank=64) == Architecture()
    assert Architecture(prune_criterion="fpgm") == Architecture()


def test_equal_architectures_have_equal_digests_and_others_do_not() -> None:
    same = [
        Architecture(),
        Architecture(head_rank=9),
        Architecture.from_dict({}),
        Architecture.from_dict(Architecture().as_dict()),
    ]
    assert len({a.digest for a in same}) == 1
    changes = {"neck": "fpn_a", "width_percent": 75, "encoder": "lstm", "precision": "fp16", "pooling": "blur", "height_px": 48}
    assert len({Architecture(**{field: value}).digest for field, value in changes.items()} | {same[0].digest}) == 7


def test_the_digest_covers_only_what_differs_from_the_defaults() -> None:
    assert Architecture(neck="fpn_d", width_percent=50).changed() == {"neck": "fpn_d", "width_percent": 50}
    assert Architecture().digest == "44136fa355b3678a", "sha256 of {}: adding a field must not rename old architectures"


def test_it_goes_through_json_and_back() -> None:
    architecture = Architecture(backbone="resnet18", neck="fpn_c", prune_percent=90, prune_criterion="fpgm", precision="int8")
    assert Architecture.from_dict(json.loads(json.dumps(architecture.as_dict()))) == architecture


def test_it_cannot_be_changed_only_copied() -> None:
    architecture = Architecture()
    with pytest.raises(FrozenInstanceError):
        architecture.neck = "fpn_a"  # type: ignore[misc]
    assert architecture.with_(neck="fpn_a").neck == "fpn_a"
    with pytest.raises(RefusedArchitecture):
        architecture.with_(neck="fpn_z")


def test_unknown_fields_are_answered_with_the_nearest_ones() -> None:
    with pytest.raises(
        RefusedArchitecture, match=r"no field is called 'widht_percent'; did you mean 'width_percent'\?; no field"
    ):
        Architecture.from_dict({"widht_percent": 50, "poolng": "max"})


def test_all_reasons_are_given_at_once() -> None:
    with pytest.raises(RefusedArchitecture) as refusal:
        Architecture(neck="fpn", width_percent=5, height_px=40)
    assert str(refusal.value).count(";") >= 2
    for field in ("neck", "width_percent", "height_px"):
        assert field in str(refusal.value)


def test_descriptions_tell_different_architectures_apart() -> None:
    changed = [
        {"neck": "fpn_a"},
        {"attention": "none"},
        {"attention": "eca"},
        {"activation": "acon_c"},
        {"pooling": "blur"},
        {"encoder": "none"},
        {"encoder_layers": 1},
        {"head": "ctc_low_rank", "head_rank": 64},
        {"rectifier": "tps"},
        {"auxiliary": "attention_guide"},
        {"height_px": 48},
        {"time_stride": 8},
        {"prune_percent": 50, "prune_criterion": "l1"},
        {"precision": "int8"},
        {},
    ]
    assert len({Architecture(**fields_).describe() for fields_ in changed}) == len(changed)


def test_every_field_is_explained() -> None:
    explained = inspect.getdoc(Architecture)  # the same in Python 3.13, which stores docstrings without indentation
    assert explained is not None
    for field in fields(Architecture):
        assert f"\n    {field.name}: " in explained


def test_naming_an_architecture_needs_no_torch() -> None:
    code = "import sys; from search_space import Architecture; Architecture(neck='fpn_d'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
