"""Laws that every component of every catalog keeps; a new file is held to them without a new test."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from search_space.architecture import Architecture, RefusedArchitecture
from search_space.auxiliaries import auxiliaries
from search_space.contracts import Features
from search_space.heads import heads
from search_space.rules import CATALOGS
from testing.component_cases import (
    GEOMETRIES,
    SYMBOLS,
    ComponentCase,
    backbone_cases,
    backbone_names,
    backbone_of,
    component_cases,
)

CASES = component_cases()
each_case = pytest.mark.parametrize("case", CASES, ids=lambda s: s.name)


def settled(case: ComponentCase, seed: int = 0) -> nn.Module:
    """A case in eval mode whose BatchNorm statistics and zero-initialised weights are no longer those of its birth."""
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
    """How far two floating-point ways to the same output may lie apart: 1e-4 of its largest value, or of 1."""
    return 1e-4 * max(1.0, out.abs().max().item())


@each_case
def test_gives_the_shapes_of_its_contract(case: ComponentCase) -> None:
    module = settled(case)
    for count, units in ((1, 5), (3, 8)):
        inputs = case.draw(count, units)
        with torch.no_grad():
            shapes = [tuple(out.shape) for out in outputs(module, inputs)]
        for shape, promised in zip(shapes, case.out(count, units * case.unit), strict=True):
            assert len(shape) == len(promised)
            assert all(p in (s, None) for s, p in zip(shape, promised, strict=True)), (shape, promised)


@each_case
def test_gradient_reaches_inputs_and_every_weight(case: ComponentCase) -> None:
    module = settled(case).train()
    inputs = tuple(x.requires_grad_() for x in case.draw(2, 6))
    sum((out * torch.randn_like(out)).sum() for out in outputs(module, inputs)).backward()
    assert all(x.grad is not None and x.grad.isfinite().all() and x.grad.any() for x in inputs)
    left_out = [name for name, p in module.named_parameters() if p.grad is None]
    assert left_out == []


@each_case
def test_trains_on_a_batch_of_one(case: ComponentCase) -> None:
    module = case.build().train()
    assert all(out.isfinite().all() for out in outputs(module, case.draw(1, 6)))


@each_case
def test_its_state_is_all_there_is_to_it(case: ComponentCase) -> None:
    first, second = settled(case, 0), settled(case, 1)
    second.load_state_dict(first.state_dict())
    inputs = case.draw(2, 5)
    with torch.no_grad():
        for a, b in zip(outputs(first, inputs), outputs(second, inputs), strict=True):
            assert torch.equal(a, b)


@each_case
def test_reads_each_image_for_itself_and_twice_the_same(case: ComponentCase) -> None:
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


@pytest.mark.parametrize(
    "case", [pytest.param(s, id=s.name, marks=[pytest.mark.slow] if s.differs_only_in_size else []) for s in CASES]
)
@pytest.mark.filterwarnings("ignore")
def test_onnx_agrees_at_any_batch_and_width(case: ComponentCase, tmp_path: Path) -> None:
    assert_onnx_agrees(case, tmp_path)


@pytest.mark.parametrize("name", backbone_names())
@pytest.mark.parametrize(("height", "stride"), GEOMETRIES)
def test_backbones_keep_their_promises_at_every_geometry(name: str, height: int, stride: int) -> None:
    for case in backbone_cases([name], geometries=[(height, stride)]):
        module = case.build().eval()
        with torch.no_grad():
            shapes = [tuple(out.shape) for out in outputs(module, case.draw(1, 2))]
        assert shapes == case.out(1, 2 * case.unit)
        rows = [shape[2] for shape in shapes]
        assert all(a % b == 0 for a, b in pairwise(rows)), "a neck spreads rows by whole numbers"


@pytest.mark.parametrize("name", backbone_names())
def test_a_wider_backbone_has_more_weights(name: str) -> None:
    from search_space.contracts import BackboneRequest

    if name.startswith("timm/"):
        pytest.skip("the widths of a timm model are its own")
    sizes = []
    for percent in (25, 50, 100, 125):
        with torch.device("meta"):
            backbone = backbone_of(BackboneRequest(name, percent, "none", "standard", "none", 32, 4))
        sizes.append(sum(p.numel() for p in backbone.parameters()))
    assert sizes == sorted(set(sizes))


@pytest.fixture
def lines() -> tuple[Tensor, Tensor]:
    """Targets (4, 5) padded with 0 and their lengths, one of them a single symbol."""
    targets = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 0, 0, 0], [2, 3, 2, 0, 0], [4, 0, 0, 0, 0]])
    return targets, torch.tensor([5, 2, 3, 1])


@pytest.mark.parametrize("name", list(heads))
def test_heads_give_one_loss_a_line_that_padding_does_not_change(name: str, lines: tuple[Tensor, Tensor]) -> None:
    targets, lengths = lines
    head = heads[name](12, SYMBOLS, 8).eval()
    steps = torch.randn(4, 16, 12, requires_grad=True)
    losses = head.loss(steps, targets, lengths)
    assert losses.shape == (4,) and losses.dtype == torch.float32 and bool((losses > 0).all())
    losses.sum().backward()
    assert steps.grad is not None and bool(steps.grad.flatten(1).any(1).all())
    alone = head.loss(steps[1:2], targets[1:2, :2], lengths[1:2], torch.tensor([16]))
    torch.testing.assert_close(losses[1:2], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", [n for n in heads if heads[n].decoding == "ctc"])
def test_ctc_looks_only_at_the_steps_that_hold_image(name: str, lines: tuple[Tensor, Tensor]) -> None:
    targets, lengths = lines
    head = heads[name](12, SYMBOLS, 8).eval()
    steps = torch.randn(4, 16, 12)
    short = head.loss(steps, targets, lengths, torch.tensor([12, 16, 9, 16]))
    changed = steps.clone()
    changed[0, 12:] = 5.0
    torch.testing.assert_close(short, head.loss(changed, targets, lengths, torch.tensor([12, 16, 9, 16])))


@pytest.mark.parametrize("name", list(auxiliaries))
def test_auxiliaries_add_a_loss_a_line_and_reach_what_they_look_at(name: str, lines: tuple[Tensor, Tensor]) -> None:
    targets, lengths = lines
    auxiliary = auxiliaries[name](16, 24, SYMBOLS, 32).train()
    images = torch.randn(4, 3, 32, 64).clamp(-1, 1)
    maps = [torch.randn(4, 16, 8, 32, requires_grad=True)]
    columns = torch.randn(4, 16, 24, requires_grad=True)
    assert auxiliary.degrade(images).shape == images.shape
    losses = auxiliary.loss(Features(maps, maps[0], columns, columns), images, targets, lengths)
    assert losses.shape == (4,) and bool(losses.isfinite().all())
    losses.sum().backward()
    assert any(t.grad is not None and bool(t.grad.any()) for t in (maps[0], columns))
    assert torch.equal(auxiliary.eval().degrade(images), images), "nothing is degraded outside of training"


@pytest.mark.parametrize("field", list(CATALOGS))
def test_a_misspelt_component_is_answered_with_the_nearest_one(field: str) -> None:
    for name in CATALOGS[field].choices():
        with pytest.raises(RefusedArchitecture, match=rf"(?s){field}: no .* is called '{name}x'; did you mean '.*known: "):
            Architecture(**{field: name + "x"})


@pytest.mark.parametrize("field", list(CATALOGS))
def test_every_component_names_its_paper(field: str) -> None:
    for name in CATALOGS[field]:
        paper = CATALOGS[field].citation(name)
        assert paper is not None and paper.title and 1980 < paper.year < 2100 and paper.url.startswith("https://")
        assert CATALOGS[field][name].__doc__
