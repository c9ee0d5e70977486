"""What `export` writes reads the same text without Paretext."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image

from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from testing.tiny_model import CHARSET, Tiny
from trainers.base.preprocess import Contrast
from trainers.export.onnx_file import export
from trainers.inference.decode import Decoding
from trainers.inference.model_metadata import ModelMetadata
from trainers.inference.reader import Reader

REFUSE = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("search_space", "trainers", "studies", "dashboards", "torch", "onnx", "optuna", "mlflow"):
            raise ImportError("the example asked for " + name)
sys.meta_path.insert(0, Refuse())
"""
"""`sitecustomize.py` of the process that runs the example: Commands cannot be imported in it."""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Lines of several sizes, modes and depths, also with transparent pixels and turned by the camera."""
    folder, noise = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    found = []
    for number, (mode, size) in enumerate(
        (("RGB", (333, 20)), ("L", (96, 32)), ("RGBA", (31, 64)), ("LA", (200, 50)), ("P", (90, 40)))
    ):
        deep = Image.fromarray(noise.integers(0, 256, (size[1], size[0], 4), dtype=np.uint8), "RGBA")
        deep.convert(mode).save(folder / f"{number}.png")
        found.append(folder / f"{number}.png")
    grey = noise.integers(0, 256, (32, 96)).astype(np.uint32)
    for name, pixels in (
        ("10_bits.png", (grey * 4).astype(np.uint16)),
        ("16_bits.png", (grey * 256 + grey[::-1]).astype(np.uint16)),
        ("16_bits.tif", (grey * 256 + grey[::-1]).astype(np.uint16)),
        ("dark.tif", (grey // 2).astype(np.uint16)),
        ("32_bits.tif", (grey * 2**20).astype(np.int32)),
        ("shares.tif", (grey / 255).astype(np.float32)),
        ("signed.tif", (grey / 127.5 - 1).astype(np.float32)),
        ("floats.tif", (grey * 256 + 0.4).astype(np.float32)),
    ):
        found.append(folder / name)
        Image.fromarray(pixels).save(found[-1])
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.open(found[0]).transpose(Image.Transpose.ROTATE_90).save(folder / "turned.jpg", exif=turned)
    return [*found, folder / "turned.jpg"]


def run_example(program: Path, images: list[Path], tmp_path: Path) -> list[str]:
    """The texts that an example reads in a process without Paretext."""
    (tmp_path / "sitecustomize.py").write_text(REFUSE)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, program, *images], capture_output=True, text=True, env=environment, cwd=tmp_path, check=True
    )
    rows = [line.split("\t") for line in answer.stdout.splitlines()]
    assert [row[0] for row in rows] == [str(image) for image in images]
    return [row[1] for row in rows]


def texts(file: Path, images: list[Path]) -> list[str]:
    return [Reader(file).read([Image.open(image)])[0].text for image in images]


def test_the_example_beside_a_file_reads_what_paretext_reads(
    paretext: Commands, workspace: Workspace, images: list[Path], tmp_path: Path
) -> None:
    file = tmp_path / "reader.onnx"
    answer = paretext("export", "plates", file, "--trial", 2, "--example")
    assert answer.code == 0, answer.err
    assert answer.out.startswith(f"{file}: trial 2 of study 'plates', ") and str(tmp_path / "reader_example.py") in answer.out
    assert file.read_bytes() == (workspace.models / "plates" / "2.onnx").read_bytes()
    lines = (tmp_path / "reader_example.py").read_text().splitlines()
    assert sum(bool(line) for line in lines) <= 24 and max(map(len, lines)) <= 128
    read = run_example(tmp_path / "reader_example.py", images, tmp_path)
    assert read == texts(file, images) and any(read)
    assert paretext("export", "plates", file, "--trial", 2, "--example").code == 0, "the same files may be written again"


@pytest.mark.parametrize("contrast", get_args(Contrast))
@pytest.mark.parametrize("decoding", get_args(Decoding))
def test_it_does_so_for_every_contrast_and_decoding(
    paretext: Commands, images: list[Path], tmp_path: Path, contrast: Any, decoding: Any
) -> None:
    network = Tiny(seed=3)
    with torch.no_grad():
        network.columns.bias[0] -= 1.0  # class 0 ends an attention head's text
    metadata = ModelMetadata(CHARSET[:9], "none", 32, 4, {}, "0" * 16, "0" * 16)  # the tenth class is a mark, no symbol
    if decoding == "ctc":
        metadata = replace(metadata, charset=CHARSET)
    made = export(network, tmp_path / "made.onnx", replace(metadata, contrast=contrast, decoding=decoding))
    answer = paretext("export", made, tmp_path / "copy.onnx", "--example")
    assert answer.code == 0, answer.err
    read = run_example(tmp_path / "copy_example.py", images, tmp_path)
    assert read == texts(made, images) and any(read)


def test_nothing_is_written_over(paretext: Commands, workspace: Workspace, tmp_path: Path) -> None:
    model = workspace.models / "plates" / "0.onnx"
    (tmp_path / "there.onnx").write_text("mine")
    (tmp_path / "new_example.py").write_text("mine")
    for words, reason in (
        ((model, tmp_path / "there.onnx"), "is there already, with other content"),
        ((model, tmp_path / "new.onnx", "--example"), "new_example.py is there already"),
        ((model, tmp_path / "new.txt"), "must end with .onnx"),
        (("plates", tmp_path / "new.onnx", "--trial", 99), "has no trained trial 99"),
        ((tmp_path / "none.onnx", tmp_path / "new.onnx"), "is not there"),
    ):
        answer = paretext("export", *words)
        assert answer.code == 2 and reason in answer.err and len(answer.err.splitlines()) == 1, answer.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new_example.py", "there.onnx"]


@pytest.mark.parametrize(("words", "precision"), [(["--plain"], "fp32"), (["--plain", "fp16"], "fp16")])
def test_a_plain_file_reads_what_the_trial_reads(
    paretext: Commands, workspace: Workspace, images: list[Path], tmp_path: Path, words: list[str], precision: str
) -> None:
    file = tmp_path / "plain.onnx"
    answer = paretext("export", "plates", file, "--trial", "3", *words)
    assert answer.code == 0, answer.err
    assert Reader(file).network.metadata["precision"] == precision
    assert texts(file, images) == texts(workspace.models / "plates" / "3.onnx", images)
    again = paretext("export", "plates", file, "--trial", "3")
    assert again.code == 2 and "is there already, with other content" in again.err


def test_a_plain_file_is_fp32_or_fp16(paretext: Commands, tmp_path: Path) -> None:
    answer = paretext("export", "plates", tmp_path / "plain.onnx", "--trial", "3", "--plain", "int8")
    assert answer.code == 2 and "--plain" in answer.err and len(answer.err.strip().splitlines()) == 1
