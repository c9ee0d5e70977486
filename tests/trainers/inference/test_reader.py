"""A reader needs the file and three libraries; what it reads in an image depends on that image alone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from search_space.recognizer import build_recognizer
from testing.random_weights import randomize_vectors
from testing.small_model import SMALL, SYMBOLS, small_model_metadata
from trainers.base.errors import UserError
from trainers.export.onnx_file import export
from trainers.inference.reader import Reader

READ_WITHOUT_TORCH = """
import sys
ALLOWED = {"trainers", "search_space", "numpy", "PIL", "onnxruntime", *sys.stdlib_module_names}
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in ALLOWED:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
from PIL import Image
from trainers.inference.reader import Reader
print(Reader(sys.argv[1]).read([Image.new("RGB", (90, 40), "white")])[0])
"""
"""As in an environment that has onnxruntime, numpy and pillow, and nothing else."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    recognizer = randomize_vectors(build_recognizer(SMALL, len(SYMBOLS)), seed=3)
    with torch.no_grad():
        for parameter in recognizer.head.parameters():
            parameter.mul_(20)  # so that an untrained network spells something
    return export(recognizer, tmp_path_factory.mktemp("models") / "small.onnx", small_model_metadata())


def pictures() -> list[Image.Image]:
    random = np.random.default_rng(0)
    sizes = [(40, 64), (17, 200), (64, 20), (32, 96), (48, 48), (40, 64), (90, 700), (32, 5)]
    return [Image.fromarray(random.integers(0, 256, (h, w, 3), dtype=np.uint8)) for h, w in sizes]


def test_text_of_an_image_does_not_depend_on_its_batch(model: Path) -> None:
    reader = Reader(model)
    images = pictures()
    together = reader.read(images)
    assert [reader.read([image])[0].text for image in images] == [reading.text for reading in together]
    assert [reading.text for reading in reader.read(images[::-1])] == [reading.text for reading in together][::-1]
    assert any(reading.text for reading in together)
    assert all(0 <= reading.confidence <= 1 for reading in together)


def test_an_image_and_its_array_read_the_same(model: Path) -> None:
    reader = Reader(model)
    images = pictures()
    assert reader.read([np.asarray(image) for image in images]) == reader.read(images)


def test_no_image_gives_no_reading(model: Path) -> None:
    assert Reader(model).read([]) == []


def test_reader_needs_onnxruntime_numpy_and_pillow_alone(model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READ_WITHOUT_TORCH, str(model)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Reading(text=")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model file .*none\.onnx is not there"):
        Reader(tmp_path / "none.onnx")


@pytest.mark.parametrize("content", [b"", b"not a network", b"\x08\x09\x12"])
def test_a_file_that_is_no_network(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"bad\.onnx is not a readable ONNX file") as caught:
        Reader(path)
    assert "\n" not in str(caught.value)


def test_a_cut_file(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(model.read_bytes()[:-1000])
    with pytest.raises(UserError):
        Reader(path)


def test_a_network_of_somebody_else(model: Path, tmp_path: Path) -> None:
    import onnx

    other = onnx.load(model)
    del other.metadata_props[:]
    onnx.save(other, tmp_path / "other.onnx")
    with pytest.raises(UserError, match="no paretext metadata"):
        Reader(tmp_path / "other.onnx")


def test_an_image_without_pixels_is_named(model: Path) -> None:
    with pytest.raises(UserError, match="image 2 cannot be read"):
        Reader(model).read([np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
