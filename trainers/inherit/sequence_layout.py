"""The channel layout of encoders, heads and the attention guide, component by component.

Decisions:
- The dependency graph of pruning does not know recurrent layers or our attention, so their layout is written down here.
- A component that is not in here (one of an extension) has no layout; only its layers that read the columns do.
- The queries, keys and values of an attention head stay together: a head that is taken is taken whole.
"""

from __future__ import annotations

from torch import nn

from search_space.auxiliaries.attention_guide import AttentionGuide
from search_space.contracts import Encoder
from search_space.encoders.none import NoEncoder
from search_space.encoders.svtr import MixingBlock, Svtr
from search_space.heads.attention import AttentionHead
from search_space.heads.ctc import CtcHead
from search_space.heads.ctc_low_rank import LowRankCtcHead
from search_space.recognizer import Recognizer
from trainers.inherit.values import Axis, Group, Layout, Run
from trainers.pruning.resize_dependents import RECURRENT, readers

Runs = tuple[Run, ...]

GATES = {nn.GRU: 3, nn.LSTM: 4}
"""Rows of a recurrent layer's weights for each hidden unit."""


def sequence_layout(recognizer: Recognizer, charset: tuple[str, ...], columns: Runs | None) -> Layout:
    """The layout of everything behind the columns.

    Args:
        recognizer: it is not changed.
        charset: its symbols.
        columns: the groups that the features of a column belong to; None if that is not known.
    """
    builder = _Builder()
    steps = builder.encoder(recognizer.encoder, columns)
    builder.head(recognizer, charset, steps)
    if isinstance(recognizer.auxiliary, AttentionGuide):
        builder.guide(charset, columns)
    if columns is not None:
        builder.unknown_readers(recognizer, columns)
    state = recognizer.state_dict()
    return Layout(
        {(n, axis): r for (n, axis), r in builder.axes.items() if n in state and state[n].ndim > axis}, builder.groups
    )


class _Builder:
    """Collects axes and groups."""

    def __init__(self) -> None:
        self.axes: dict[Axis, Runs] = {}
        self.groups: dict[str, Group] = {}

    def encoder(self, encoder: Encoder, columns: Runs | None) -> Runs | None:
        """Adds the encoder's axes; returns the groups that its output belongs to, None if they are not known."""
        if isinstance(encoder, NoEncoder):
            return columns
        if isinstance(encoder, Svtr):
            return self._svtr(encoder, columns)
        recurrent = getattr(encoder, "rnn", None)
        if isinstance(recurrent, RECURRENT):
            return self._recurrent("encoder.rnn", recurrent, columns)
        return None

    def head(self, recognizer: Recognizer, charset: tuple[str, ...], steps: Runs | None) -> None:
        """Adds the head's axes."""
        head = recognizer.head
        if isinstance(head, CtcHead):
            self._classes("head.classes", ("blank", *charset), steps)
        elif isinstance(head, LowRankCtcHead):
            rank = self._group("head.rank", head.classes.in_features)
            self._layer("head.waist", rank, steps)
            self._classes("head.classes", ("blank", *charset), rank)
        elif isinstance(head, AttentionHead):
            self._attention_head(head, charset, steps)
        else:  # of an extension: whether the symbols are the same is all that can be said
            self._symbols("head.symbols", charset)

    def guide(self, charset: tuple[str, ...], columns: Runs | None) -> None:
        """Adds the axes of the attention guide that depend on columns or symbols; all others have a fixed size."""
        self._put("auxiliary.columns.weight", 1, columns)
        self._classes("auxiliary.classes", ("end", *charset), None)
        self._put("auxiliary.symbols.weight", 0, self._symbols("auxiliary.symbols", ("end", *charset, "start")))

    def unknown_readers(self, recognizer: Recognizer, columns: Runs) -> None:
        """Adds the inputs of layers that read the columns, where no component has said what they are."""
        width = sum(len(run.positions) for run in columns)
        names = {module: name for name, module in recognizer.named_modules()}
        for layer in readers(recognizer.encoder, recognizer.head, width):
            ends = [f"weight_ih_l0{end}" for end in ("", "_reverse")] if isinstance(layer, RECURRENT) else ["weight"]
            for tensor in (f"{names[layer]}.{end}" for end in ends):
                self.axes.setdefault((tensor, 1), columns)

    def _recurrent(self, name: str, layer: nn.GRU | nn.LSTM, inputs: Runs | None) -> Runs | None:
        """GRU and LSTM: the rows of each gate are the hidden units; the next layer reads one direction after the other."""
        hidden, gates = layer.hidden_size, GATES[type(layer)]
        for number in range(layer.num_layers):
            outputs: list[Run] = []
            for end in ("", "_reverse") if layer.bidirectional else ("",):
                self._group(group := f"{name}.{number}{end}", hidden)
                rows = tuple(Run.at(group, gate * hidden, hidden) for gate in range(gates))
                for tensor in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    self._put(f"{name}.{tensor}_l{number}{end}", 0, rows)
                self._put(f"{name}.weight_ih_l{number}{end}", 1, inputs)
                self._put(f"{name}.weight_hh_l{number}{end}", 1, (Run.at(group, 0, hidden),))
                outputs.append(Run.at(group, len(outputs) * hidden, hidden))
            inputs = tuple(outputs)
        return inputs

    def _svtr(self, encoder: Svtr, columns: Runs | None) -> Runs:
        """SVTR: all blocks add to one stream of features, and so does the skip."""
        stream = self._group("encoder.stream", encoder.out_features)
        for layer in ("encoder.skip", "encoder.reduce.0"):
            self._layer(layer, stream, columns)
        self._layer("encoder.norm", stream, None)
        for number, block in enumerate(encoder.blocks):
            assert isinstance(block, MixingBlock)
            self._mixing_block(f"encoder.blocks.{number}", block, stream)
        return stream

    def _mixing_block(self, name: str, block: MixingBlock, stream: Runs) -> None:
        size = block.all.out.in_features
        group = f"{name}.all.heads"
        heads = self._group(group, size, size // block.all.heads)
        wide = self._group(f"{name}.each.1", block.each[0].out_features)  # type: ignore[arg-type]
        for layer in ("near", "norm_all", "norm_each"):
            self._layer(f"{name}.{layer}", stream, None)
        self._layer(f"{name}.all.query_key_value", tuple(Run.at(group, part * size, size) for part in range(3)), stream)
        self._layer(f"{name}.all.out", stream, heads)
        self._layer(f"{name}.each.0", wide, stream)
        self._layer(f"{name}.each.2", stream, wide)

    def _attention_head(self, head: AttentionHead, charset: tuple[str, ...], steps: Runs | None) -> None:
        energy, state = self._group("head.energy", head.hidden), self._group("head.state", head.hidden)
        symbols = self._symbols("head.symbols", ("end", *charset, "start"))
        self._layer("head.of_steps", energy, steps)
        self._layer("head.of_state", energy, state)
        self._put("head.score.weight", 1, energy)
        gates = tuple(Run.at("head.state", gate * head.hidden, head.hidden) for gate in range(GATES[nn.GRU]))
        for tensor in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            self._put(f"head.cell.{tensor}", 0, gates)
        self._put("head.cell.weight_hh", 1, state)
        if steps is not None:
            width = sum(len(run.positions) for run in steps)
            self._put("head.cell.weight_ih", 1, (*steps, Run.at("head.symbols", width, len(charset) + 2)))
        self._layer("head.generator", symbols, state)

    def _classes(self, layer: str, symbols: tuple[str, ...], inputs: Runs | None) -> None:
        """The last layer: its rows are symbols."""
        self._layer(layer, self._symbols(f"{layer}.symbols", symbols), inputs)

    def _layer(self, layer: str, outputs: Runs, inputs: Runs | None) -> None:
        """A layer with weight and bias; tensors that it has not got do no harm."""
        self._put(f"{layer}.weight", 0, outputs)
        self._put(f"{layer}.bias", 0, outputs)
        self._put(f"{layer}.weight", 1, inputs)

    def _symbols(self, name: str, symbols: tuple[str, ...]) -> Runs:
        self.groups[name] = Group(len(symbols), symbols=symbols)
        return (Run.at(name, 0, len(symbols)),)

    def _group(self, name: str, channels: int, block: int = 1) -> Runs:
        self.groups[name] = Group(channels, block)
        return (Run.at(name, 0, channels),)

    def _put(self, tensor: str, axis: int, runs: Runs | None) -> None:
        if runs is not None:
            self.axes[tensor, axis] = runs
