"""The paper's network: word vectors, dropout, a stack of recurrent layers, dropout, a readout."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nullcline.text import PAD
from nullcline.training.recurrent import GRU, LSTM, RNN, UGRNN, LeakyRNN, last_outputs
from nullcline.training.settings import DEFAULT_ALPHA

CELL_MODULES: dict[str, type[GRU | LSTM | RNN | UGRNN | LeakyRNN]] = {
    "gru": GRU,
    "lstm": LSTM,
    "ugrnn": UGRNN,
    "rnn": RNN,
    "leaky": LeakyRNN,
}
"""The module that stacks layers of each of `nullcline.training.settings.CELLS`."""


class Dropout(nn.Dropout):
    """`torch.nn.Dropout`, whose own random bits take a CPU ten times as long as uniform numbers."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - PyTorch's name
        """Return the input with each number zero with probability `p`, the others 1 / (1 - p)."""
        if not (self.training and 0 < self.p < 1 and input.device.type == "cpu"):
            return super().forward(input)
        kept = torch.rand_like(input).ge_(self.p)
        return input * kept.div_(1 - self.p)


class SentimentRNN(nn.Module):
    """A sentiment classifier that reads a review token by token and classifies its last state.

    The weights start as PyTorch draws them, except for what an LSTM and a UGRNN need to remember a
    review from the first step on: their forget and update gates are biased by 1 towards keeping
    (Jozefowicz, Zaremba and Sutskever 2015, section 2.2). The recurrent weights of a vanilla
    network are not made orthogonal, as many make them: its modes would be slow from the beginning,
    in every direction, and hide which of them training made slow.

    Parameters
    ----------
    n_words
        Rows of the embedding, one per word of the vocabulary.
    cell, layers, hidden_size, embedding_size, dropout, classes, alpha
        As in `TrainingSettings`. Dropout acts on the embeddings and on the last state, not
        between the layers.
    """

    def __init__(
        self,
        n_words: int,
        *,
        cell: str = "gru",
        layers: int = 1,
        hidden_size: int = 256,
        embedding_size: int = 100,
        dropout: float = 0.5,
        classes: int = 2,
        alpha: float | None = None,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_words, embedding_size, padding_idx=PAD)
        self.dropout = Dropout(dropout)
        leak = DEFAULT_ALPHA if alpha is None else alpha
        options: dict[str, Any] = {"alpha": leak} if cell == "leaky" else {}
        self.rnn = CELL_MODULES[cell](
            embedding_size, hidden_size, num_layers=layers, batch_first=True, **options
        )
        self.readout = nn.Linear(hidden_size, 1 if classes == 2 else classes)
        _start_to_remember(self.rnn)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits of each review.

        Parameters
        ----------
        tokens
            Word indices, shape (n, T), padded on the right.
        lengths
            Number of tokens of each review, at least 1, shape (n,).

        Returns
        -------
        torch.Tensor
            The logit of the second of two classes, shape (n,), or the logits of K > 2 classes,
            shape (n, K).
        """
        last = last_outputs(self.rnn, self._read, tokens, lengths)
        logits: Tensor = self.readout(self.dropout(last))
        return logits.squeeze(1)

    def _read(self, tokens: Tensor) -> Tensor:
        vectors: Tensor = self.dropout(self.embedding(tokens))
        return vectors


@torch.no_grad()
def _start_to_remember(rnn: nn.Module) -> None:
    """Bias the gates of those cells that would forget a long review."""
    for name, parameter in rnn.named_parameters():
        if isinstance(rnn, nn.LSTM) and name.startswith("bias_ih"):
            parameter.chunk(4)[1].add_(1)  # i, f, g, o
        elif isinstance(rnn, UGRNN) and name.startswith("bias_ih"):
            parameter.chunk(2)[1].add_(1)  # c, g
