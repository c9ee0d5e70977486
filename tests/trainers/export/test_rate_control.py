"""The step is the finest that fits a size, or the coarsest that is allowed."""

from typing import Any

import pytest
import torch

from search_space.coded_precision import MOST_PERCENT
from search_space.recognizer import build_recognizer
from testing.random_weights import randomize_vectors
from testing.small_model import SMALL, SYMBOLS, small_model_metadata
from trainers.export.onnx_file import graph_of
from trainers.export.rate_control import FINEST_PERCENT, STEPS, CodedFile, coarsest_allowed, coded_file, finest_within
from trainers.export.size_estimate import expected_metadata

METADATA = small_model_metadata(SMALL.with_(precision="coded"))


@pytest.fixture(scope="module")
def graph() -> Any:
    torch.manual_seed(0)
    return graph_of(randomize_vectors(build_recognizer(SMALL, len(SYMBOLS))), 32)


def test_the_finest_step_that_fits_fills_the_size(graph: Any) -> None:
    limit_bytes = len(coded_file(graph, METADATA, 40).data)
    found = finest_within(graph, METADATA, limit_bytes)
    assert found is not None and 0.97 * limit_bytes < len(found.data) <= limit_bytes and found.percent <= 40
    finer = coded_file(graph, METADATA, found.percent - 1)
    assert len(finer.data) > limit_bytes, "no finer step fits"


def test_ends_of_the_range(graph: Any) -> None:
    smallest = len(coded_file(graph, METADATA, MOST_PERCENT).data)
    assert finest_within(graph, METADATA, smallest - 1) is None
    found = finest_within(graph, METADATA, 10**9)
    assert found is not None and found.percent == FINEST_PERCENT


@pytest.mark.parametrize("coarsest", [0, FINEST_PERCENT, STEPS[7], 1000])
def test_the_coarsest_step_that_is_allowed(graph: Any, coarsest: int) -> None:
    tried = []

    def is_allowed(file: CodedFile) -> bool:
        tried.append(file.percent)
        return file.percent <= coarsest

    found = coarsest_allowed(graph, METADATA, is_allowed)
    assert (None if found is None else found.percent) == max((s for s in STEPS if s <= coarsest), default=None)
    assert len(tried) <= 5


def test_with_many_characters_a_finer_step_is_a_finer_file() -> None:
    """int4 would take fewer bytes than fine steps, and its error is several times theirs."""
    torch.manual_seed(0)
    many = tuple(chr(0x4E00 + i) for i in range(1500))
    recognizer = randomize_vectors(build_recognizer(SMALL, len(many)))
    metadata = expected_metadata(SMALL.with_(precision="coded"), len(many), "".join(many))
    graph = graph_of(recognizer, 32)
    sizes = [len(coded_file(graph, metadata, percent).data) for percent in (2, 6, 10, 20)]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 4
    found = finest_within(graph, metadata, sizes[1])
    assert found is not None and found.percent == 6 and found.precision == "coded_6"
