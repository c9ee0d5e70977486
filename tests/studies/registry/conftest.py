"""Files that can be promoted."""

import pytest

from studies.storage.front_point import FrontPoint
from testing.tiny_model import tiny_point


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> list[FrontPoint]:
    """Three points of a front with the files of tiny models, the later ones more accurate."""
    folder = tmp_path_factory.mktemp("models")
    return [tiny_point(folder / f"{i}.onnx", trial=i, seed=i, accuracy=0.5 + i / 10) for i in range(3)]
