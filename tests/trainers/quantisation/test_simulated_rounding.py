"""Rounded weights are those of the file, and a context leaves the network as it was."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from search_space import Architecture
from search_space.recognizer import build_recognizer
from testing.random_weights import randomize_vectors
from testing.small_model import SYMBOLS, small_model_metadata
from testing.tiers import slow_after
from trainers.export.onnx_file import final, graph_of, write
from trainers.inference.onnx_session import OnnxSession
from trainers.quantisation.simulated_rounding import SimulatedRounding

IMAGES = np.random.default_rng(0).uniform(-1, 1, (1, 3, 32, 96)).astype(np.float32)


@pytest.mark.parametrize(
    "fields",
    [
        {"encoder": "gru", "encoder_hidden": 24},
        {"encoder": "svtr", "encoder_hidden": 48, "neck": "fpn_a"},
        {
            "encoder": "lstm",
            "encoder_hidden": 24,
            "encoder_layers": 2,
            "backbone": "lcnet",
            "head": "ctc_low_rank",
            "head_rank": 8,
        },
        {"encoder": "none", "neck": "fpn_d", "attention": "squeeze_excite"},
    ],
)
@pytest.mark.parametrize("precision", slow_after(1, ["coded_100", "coded_50"]))
def test_the_network_computes_what_the_file_computes(fields: dict[str, object], precision: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    architecture = Architecture(width_percent=25).with_(**fields)
    network = final(randomize_vectors(build_recognizer(architecture, len(SYMBOLS))))
    metadata = small_model_metadata(architecture.with_(precision=precision))
    coded, exact = (
        OnnxSession(write(graph_of(network, 32), tmp_path / f"{p}.onnx", metadata, p)).run(IMAGES) for p in (precision, "fp32")
    )
    before = copy.deepcopy(network.state_dict())
    with SimulatedRounding(network, precision)(), torch.no_grad():
        simulated = network(torch.from_numpy(IMAGES)).numpy()
    error = np.abs(coded - exact).max()
    assert np.abs(coded - simulated).max() < 0.1 * error, "vectors, whose steps are much finer, are all that differs"
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_fine_step_changes_less() -> None:
    torch.manual_seed(0)
    network = final(build_recognizer(Architecture(width_percent=25), len(SYMBOLS)))
    errors = []
    for precision in ("coded_9", "coded_50"):
        weights = SimulatedRounding(network, precision).weights
        errors.append(sum(float((weight.rounded() - weight.parameter.detach()).square().sum()) for weight in weights))
    assert 0 < 10 * errors[0] < errors[1]
