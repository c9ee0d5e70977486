"""Heads are inherited by character, whatever the charsets; and what is asked for wrongly is named."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from testing.relatives import CHARSET, SMALL, close, fresh, logits, trained
from trainers.base.errors import UserError
from trainers.inherit.inherit import inherit
from trainers.inherit.relative import Relative
from trainers.pruning.resize_dependents import readers


@pytest.mark.parametrize("head", [{}, {"head": "ctc_low_rank", "head_rank": 16}, {"head": "attention", "head_rank": 16}])
def test_heads_are_taken_by_character(head: dict[str, Any]) -> None:
    """Whatever the order: known characters read as before, unknown ones are new."""
    architecture = SMALL.with_(auxiliary="none" if head.get("head") == "attention" else "attention_guide", **head)
    relative, child = trained(architecture), fresh(architecture, 6)
    charset = ("x", "7", "0", "y", "3", "9")
    before = child.state_dict()["head.generator.bias" if "generator" in dir(child.head) else "head.classes.bias"].clone()
    found = inherit(child, charset, Relative.of(relative, CHARSET))
    assert 0.9 < found.share < 1
    places = {2: "7", 3: "0", 5: "3", 6: "9"}
    name = "head.generator" if head.get("head") == "attention" else "head.classes"
    new, old = child.state_dict(), relative.state_dict()
    for row, character in places.items():
        for part in ("weight", "bias"):
            assert torch.equal(new[f"{name}.{part}"][row], old[f"{name}.{part}"][CHARSET.index(character) + 1])
    assert torch.equal(new[f"{name}.weight"][0], old[f"{name}.weight"][0])  # the blank, or the end
    assert torch.equal(new[f"{name}.bias"][[1, 4]], before[[1, 4]])
    if name == "head.generator":
        width = child.encoder.out_features
        inputs, others = new["head.cell.weight_ih"][:, width:], old["head.cell.weight_ih"][:, width:]
        assert torch.equal(inputs[:, 7], others[:, 11])  # the start
        assert torch.equal(inputs[:, 2], others[:, 8])  # "7"
        assert not torch.equal(inputs[:, 1], others[:, 1])
    else:
        embeddings, known = new["auxiliary.symbols.weight"], old["auxiliary.symbols.weight"]
        assert torch.equal(embeddings[[0, 2, 7]], known[[0, 8, 11]])


def test_a_head_with_a_permuted_charset_reads_the_same_text() -> None:
    relative, child = trained(SMALL), fresh(SMALL)
    permuted = tuple(reversed(CHARSET))
    assert inherit(child, permuted, Relative.of(relative, CHARSET)).share == 1
    order = [0, *(1 + CHARSET.index(symbol) for symbol in permuted)]
    close(logits(child), logits(relative)[:, :, order])


def test_bad_input_is_named() -> None:
    relative = Relative.of(trained(SMALL), CHARSET)
    with pytest.raises(UserError, match="the network has 10 symbols but the charset 3"):
        inherit(fresh(SMALL), tuple("abc"), relative)
    with pytest.raises(UserError, match=r"are not those of mbv3_small 50% .* with 10 symbols"):
        inherit(fresh(SMALL), CHARSET, replace(relative, architecture=SMALL.with_(width_percent=50)))


@pytest.mark.parametrize(
    "fields", [{}, {"encoder": "lstm"}, {"encoder": "svtr"}, {"head": "attention", "head_rank": 16}], ids=str
)
def test_what_reads_the_columns_is_found_on_any_device(fields: dict[str, Any]) -> None:
    """A network is on its device already when it inherits; "meta" stands for one that is not the CPU."""
    found = []
    for device in ("cpu", "meta"):
        network = fresh(SMALL.with_(auxiliary="none", **fields)).to(device)
        width = (network.neck or network.backbone).out_channels
        names = {module: name for name, module in network.named_modules()}
        found.append([names[layer] for layer in readers(network.encoder, network.head, width)])
    assert found[0] == found[1] and found[0]
