"""RARE's decoder layer by layer, its two ways of decoding against each other, and the low-rank classes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space import Architecture
from search_space.heads.attention import AttentionHead, SymbolGruCell
from search_space.heads.ctc import CtcHead
from search_space.heads.ctc_low_rank import LowRankCtcHead
from search_space.recognizer import build_recognizer
from search_space.time_steps import LONGEST_ATTENTION_LINE


def weights(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_decoder_has_the_layers_of_the_seed() -> None:
    """The rows of layers.csv for rare_mv3_small_0.5_32bigru_att: 3,938 symbols, 64 features in, 32 inside."""
    head = AttentionHead(64, 3938, 32)
    assert [weights(m) for m in (head.of_steps, head.of_state, head.score)] == [2048, 1056, 32]
    assert weights(head.cell) == 387_648
    assert weights(head.generator) == 130_020
    assert head(torch.randn(1, 80, 64)).shape == (1, 26, 3940)


def test_the_cell_computes_what_torch_computes() -> None:
    ours, torchs = SymbolGruCell(9, 5), nn.GRUCell(9, 5)
    torchs.load_state_dict(ours.state_dict())
    x, state = torch.randn(4, 9), torch.randn(4, 5)
    torch.testing.assert_close(ours(x, state), torchs(x, state))


def test_forced_with_what_it_wrote_itself_the_decoder_gives_the_same_logits() -> None:
    """Greedy decoding and teacher forcing are one network: its own text, fed back, costs what its own logits say."""
    torch.manual_seed(0)
    head = AttentionHead(12, 6, 8).eval()
    with torch.no_grad():
        head.generator.weight.mul_(4)
        head.generator.bias[0] = 1.0  # some lines end early
        head.generator.bias[-1] = -99.0  # the start is never written
    steps = torch.randn(16, 10, 12)
    logits = head(steps)
    written = logits.argmax(2)
    lengths = torch.where((written == 0).any(1), (written == 0).int().argmax(1), LONGEST_ATTENTION_LINE)
    assert len(set(lengths.tolist())) > 1, "lines of several lengths"
    positions = torch.arange(written.shape[1])
    targets = written.masked_fill(positions >= lengths[:, None], 0)
    chosen = logits.log_softmax(2).gather(2, targets[..., None]).squeeze(2)
    expected = -(chosen * (positions <= lengths[:, None])).sum(1)
    torch.testing.assert_close(head.loss(steps, targets[:, :-1], lengths), expected)


def test_a_line_of_the_longest_length_can_still_end() -> None:
    head = AttentionHead(12, 6, 8)
    targets = torch.ones(1, LONGEST_ATTENTION_LINE, dtype=torch.int64)
    assert head(torch.randn(1, 4, 12)).shape[1] == LONGEST_ATTENTION_LINE + 1
    assert head.loss(torch.randn(1, 4, 12), targets, torch.tensor([LONGEST_ATTENTION_LINE])).isfinite()


def test_the_decoder_learns_to_copy() -> None:
    torch.manual_seed(0)
    head = AttentionHead(8, 4, 16)
    symbols = torch.randint(1, 5, (32, 3))
    lengths = torch.full((32,), 3)
    steps = torch.cat([F.one_hot(symbols, 5).float(), torch.eye(3).expand(32, 3, 3)], 2)  # what, and where
    optimizer = torch.optim.Adam(head.parameters(), 0.02)
    for _ in range(250):
        loss: Tensor = head.loss(steps, symbols, lengths).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        read = head.eval()(steps).argmax(2)[:, :4]
    assert (read == F.pad(symbols, (0, 1))).all(1).float().mean() > 0.9


def test_low_rank_classes_weigh_what_their_two_matrices_weigh() -> None:
    narrow, full = LowRankCtcHead(576, 3938, 64), CtcHead(576, 3938, 0)
    assert weights(narrow) == 576 * 64 + 64 * 3939 + 3939
    assert weights(narrow) < weights(full) / 7


def test_low_rank_logits_have_that_rank() -> None:
    head = LowRankCtcHead(40, 30, 8)
    logits = head(torch.randn(1, 50, 40))[0] - head.classes.bias
    assert int(torch.linalg.matrix_rank(logits, rtol=1e-4)) == 8


def test_a_recogniser_with_a_decoder_reads_any_width() -> None:
    recognizer = build_recognizer(Architecture(width_percent=25, head="attention", head_rank=16), 10).eval()
    with torch.no_grad():
        assert [recognizer(torch.zeros(2, 3, 32, w)).shape for w in (32, 160)] == [(2, 26, 12)] * 2
