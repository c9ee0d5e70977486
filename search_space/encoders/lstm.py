"""Bidirectional LSTM."""

from __future__ import annotations

from torch import Tensor, nn

from search_space.catalog import Citation
from search_space.contracts import Encoder
from search_space.encoders import encoders


@encoders.register(
    "lstm",
    Citation(
        "An End-to-End Trainable Neural Network for Image-based Sequence Recognition (CRNN)",
        2015,
        "https://arxiv.org/abs/1507.05717",
    ),
)
class Lstm(Encoder):
    """Stacked bidirectional LSTM layers of `hidden` features per direction."""

    def __init__(self, in_features: int, hidden: int, layers: int) -> None:
        super().__init__(in_features, hidden, layers)
        self.out_features = 2 * hidden
        self.rnn = nn.LSTM(in_features, hidden, layers, batch_first=True, bidirectional=True)

    def forward(self, columns: Tensor) -> Tensor:
        steps: Tensor = self.rnn(columns)[0]
        return steps
