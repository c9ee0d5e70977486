"""The fast GRU gives the results and gradients of nn.GRU, and is replaced by it after training."""

import pytest
import torch
from torch import Tensor, nn

from trainers.training.fast_gru import use_fast_gru


def run(module: nn.GRU, steps: Tensor) -> list[Tensor]:
    """Output, last states and all gradients of some loss."""
    module.zero_grad()
    steps = steps.detach().requires_grad_()
    out, last = module(steps)
    weight = torch.arange(out.numel(), dtype=out.dtype).reshape(out.shape).sin()
    ((out * weight).sum() + last.square().sum()).backward()
    return [out, last, steps.grad, *[p.grad.clone() for p in module.parameters()]]


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_it_computes_what_torch_computes(layers: int, bidirectional: bool, batch_first: bool) -> None:
    torch.manual_seed(0)
    module = nn.GRU(7, 5, layers, batch_first=batch_first, bidirectional=bidirectional).double()
    steps = torch.randn(3, 9, 7, dtype=torch.float64)
    expected = run(module, steps)
    with use_fast_gru(module):
        found = run(module, steps)
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


def test_afterwards_the_network_is_as_it_was() -> None:
    network = nn.Sequential(nn.GRU(4, 3, batch_first=True))
    with pytest.raises(KeyError), use_fast_gru(network):
        assert "forward" in vars(network[0])
        raise KeyError
    assert "forward" not in vars(network[0])


def test_start_states_and_single_sequences_are_left_to_torch() -> None:
    module, start = nn.GRU(4, 3, batch_first=True), torch.randn(1, 2, 3)
    steps = torch.randn(2, 5, 4)
    expected, alone = module(steps, start)[0], module(steps[0])[0]
    with use_fast_gru(module):
        assert torch.equal(module(steps, start)[0], expected)
        assert torch.equal(module(steps[0])[0], alone)
