"""Pretrained weights: used where the recipe asks for them and they fit; refused in one line if they are not available."""

import os
from pathlib import Path

import pytest
import torch

from search_space import Architecture
from search_space.recognizer import Recognizer, build_recognizer
from search_space.timm_adapter import timm
from testing.striped_lines import striped_dataset
from trainers.base.errors import UserError
from trainers.base.recipe import Recipe
from trainers.training.job import TrainingJob
from trainers.training.loop import train
from trainers.training.pretrained import load_pretrained

NAMES = ("lcnet_050", "repvit_m0_9", "convnext_atto")
"""A family whose late stages are dropped, one with branches to merge, one whose names are rewritten."""


def recognizer_of(name: str, **values: object) -> Recognizer:
    return build_recognizer(Architecture.from_dict({"backbone": f"timm/{name}", **values}), 10)


@pytest.fixture(scope="module", params=NAMES)
def published(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A model and a file of weights as timm publishes them: of the whole classifier, by its own names."""
    torch.manual_seed(7)
    file = tmp_path_factory.mktemp("weights") / "model.pth"
    torch.save(timm().create_model(request.param).state_dict(), file)
    return request.param, file


def test_every_weight_of_the_backbone_comes_from_the_file(published: tuple[str, Path]) -> None:
    name, file = published
    recognizer = recognizer_of(name, attention="none")
    head = recognizer.head.state_dict()
    assert load_pretrained(recognizer, str(file))
    held = [float(t.double().sum()) for t in torch.load(file).values()]
    taken = [float(t.double().sum()) for t in recognizer.backbone.state_dict().values() if t.is_floating_point()]
    assert taken and all(min(abs(total - other) for other in held) < 1e-4 for total in taken)  # narrower kernels are sums
    assert all(torch.equal(a, b) for a, b in zip(head.values(), recognizer.head.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    "values",
    [{"backbone": "mobilenetv3_small"}, {"backbone": "timm/lcnet_100", "width_percent": 50}],
    ids=["a backbone of our own", "another width"],
)
def test_what_has_no_pretrained_weights_begins_at_random(values: dict[str, object]) -> None:
    recognizer = build_recognizer(Architecture.from_dict(values), 10)
    before = [weight.clone() for weight in recognizer.parameters()]
    assert not load_pretrained(recognizer, "timm")
    assert all(torch.equal(a, b) for a, b in zip(before, recognizer.parameters(), strict=True))


def test_weights_that_cannot_be_had_are_named_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = recognizer_of("lcnet_050")
    with pytest.raises(UserError, match="there is no file"):
        load_pretrained(recognizer, str(tmp_path / "nowhere.pth"))
    torch.save(timm().create_model("convnext_atto").state_dict(), tmp_path / "other.pth")
    (tmp_path / "broken.pth").write_bytes(b"no weights")
    for file in ("other.pth", "broken.pth"):
        with pytest.raises(UserError, match="for lcnet_050 cannot be had") as caught:
            load_pretrained(recognizer, str(tmp_path / file))
        assert "\n" not in str(caught.value)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="published weights for lcnet_050 cannot be had") as caught:
        load_pretrained(recognizer, "timm")
    assert "\n" not in str(caught.value)


def test_a_recipe_that_asks_for_them_trains_from_them(published: tuple[str, Path], tmp_path: Path) -> None:
    name, file = published
    if name != NAMES[0]:
        pytest.skip("one model is enough to train")
    architecture = Architecture(backbone=f"timm/{name}", encoder="none")
    frozen = Recipe(learning_rate=1e-8, batch_lines=8, pretrained=str(file))
    outcome = train(TrainingJob(architecture, striped_dataset(), frozen, 1, tmp_path, 0), lambda _: True)
    stem = outcome.recognizer.backbone.model.conv_stem.weight  # type: ignore[union-attr]
    torch.testing.assert_close(stem, torch.load(file)["conv_stem.weight"], atol=1e-4, rtol=0)


class _Command:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._folder),)


def test_a_file_of_weights_that_would_run_code_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": _Command(tmp_path / "made")}, tmp_path / "weights.pth")
    with pytest.raises(UserError, match="for lcnet_050 cannot be had"):
        load_pretrained(recognizer_of("lcnet_050"), str(tmp_path / "weights.pth"))
    assert not (tmp_path / "made").exists()
    torch.load(tmp_path / "weights.pth", weights_only=False)
    assert (tmp_path / "made").exists(), "the file must be able to run code"
