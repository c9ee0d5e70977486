"""Tests that every component must pass; inherit `ComponentContract` and list its cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from testing.component_cases import ComponentCase


def settled(case: ComponentCase, seed: int = 0) -> nn.Module:
    """A component in eval mode, with BatchNorm statistics and zero-initialised weights moved off their initial values."""
    torch.manual_seed(seed)
    module = case.build()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
        module.train()(*case.draw(4, 6))
    return module.eval()


def outputs(module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    out = module(*inputs)
    return out if isinstance(out, tuple) else (out,)


def closeness(out: Tensor) -> float:
    """Largest difference of two computations of one output: 1e-4 of its largest absolute value, or of 1."""
    return 1e-4 * max(1.0, out.abs().max().item())


def assert_onnx_agrees(case: ComponentCase, folder: Path) -> None:
    """Exports at one size; the file must give what torch gives at two others, within 1e-4 of the largest value."""
    module, file = settled(case), folder / "component.onnx"
    names = [f"in{i}" for i in range(len(case.inputs))]
    dynamic = {
        name: {axis: str(size) for axis, size in enumerate(shape) if isinstance(size, str)}
        for name, shape in zip(names, case.inputs, strict=True)
    }
    torch.onnx.export(
        module, case.draw(2, 4), str(file), input_names=names, dynamic_axes=dynamic, opset_version=17, dynamo=False
    )
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    for count, units in ((1, 7), (3, 2)):
        inputs = case.draw(count, units)
        got = session.run(None, {name: x.numpy() for name, x in zip(names, inputs, strict=True)})
        with torch.no_grad():
            for ours, theirs in zip(outputs(module, inputs), got, strict=True):
                np.testing.assert_allclose(theirs, ours.numpy(), rtol=0, atol=closeness(ours))


class ComponentContract:
    """Override `cases`."""

    def cases(self) -> Sequence[ComponentCase]:
        """One case for each setting of the component: how it is built, its input shapes and its output shapes."""
        raise NotImplementedError

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Runs each test with each case; exports of cases that differ only in size are left to the slow tests."""
        export = metafunc.function.__name__ == "test_onnx_agrees_at_any_batch_and_width"
        slow = [[pytest.mark.slow] if export and case.differs_only_in_size else [] for case in self.cases()]
        cases = zip(self.cases(), slow, strict=True)
        metafunc.parametrize("case", [pytest.param(case, id=case.name, marks=marks) for case, marks in cases])

    def test_gives_the_shapes_of_its_contract(self, case: ComponentCase) -> None:
        module = settled(case)
        for count, units in ((1, 5), (3, 8)):
            inputs = case.draw(count, units)
            with torch.no_grad():
                shapes = [tuple(out.shape) for out in outputs(module, inputs)]
            for shape, promised in zip(shapes, case.out(count, units * case.unit), strict=True):
                assert len(shape) == len(promised)
                assert all(p in (s, None) for s, p in zip(shape, promised, strict=True)), (shape, promised)

    def test_gradient_reaches_inputs_and_every_weight(self, case: ComponentCase) -> None:
        module = settled(case).train()
        inputs = tuple(x.requires_grad_() for x in case.draw(2, 6))
        torch.autograd.backward(torch.stack([(out * torch.randn_like(out)).sum() for out in outputs(module, inputs)]).sum())
        assert all(x.grad is not None and x.grad.isfinite().all() and x.grad.any() for x in inputs)
        left_out = [name for name, p in module.named_parameters() if p.grad is None]
        assert left_out == []

    def test_trains_on_a_batch_of_one(self, case: ComponentCase) -> None:
        module = case.build().train()
        assert all(out.isfinite().all() for out in outputs(module, case.draw(1, 6)))

    def test_the_state_dict_holds_its_whole_state(self, case: ComponentCase) -> None:
        first, second = settled(case, 0), settled(case, 1)
        second.load_state_dict(first.state_dict())
        inputs = case.draw(2, 5)
        with torch.no_grad():
            for a, b in zip(outputs(first, inputs), outputs(second, inputs), strict=True):
                assert torch.equal(a, b)

    def test_eval_is_deterministic_and_treats_each_image_alone(self, case: ComponentCase) -> None:
        module = settled(case)
        before = {name: t.clone() for name, t in module.state_dict().items()}
        inputs = case.draw(3, 5)
        with torch.no_grad():
            together, again = outputs(module, inputs), outputs(module, inputs)
            alone = outputs(module, tuple(x[1:2] for x in inputs))
        for a, b, c in zip(together, again, alone, strict=True):
            assert torch.equal(a, b)
            torch.testing.assert_close(a[1:2], c, rtol=0, atol=closeness(a))
        assert all(torch.equal(t, before[name]) for name, t in module.state_dict().items())

    @pytest.mark.filterwarnings("ignore")
    def test_onnx_agrees_at_any_batch_and_width(self, case: ComponentCase, tmp_path: Path) -> None:
        assert_onnx_agrees(case, tmp_path)
