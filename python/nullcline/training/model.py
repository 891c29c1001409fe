"""The paper's network: word vectors, dropout, a stack of GRUs, dropout, a linear readout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nullcline.text import PAD


class SentimentGRU(nn.Module):
    """A sentiment classifier that reads a review token by token and judges its last state.

    Parameters
    ----------
    n_words
        Rows of the embedding, one a word of the vocabulary.
    layers, hidden_size, embedding_size, dropout
        As in `TrainingSettings`. Dropout acts on the embeddings and on the last state, not
        between the layers.
    """

    def __init__(
        self,
        n_words: int,
        *,
        layers: int = 1,
        hidden_size: int = 256,
        embedding_size: int = 100,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_words, embedding_size, padding_idx=PAD)
        self.dropout = nn.Dropout(dropout)
        self.rnn = nn.GRU(embedding_size, hidden_size, num_layers=layers, batch_first=True)
        self.readout = nn.Linear(hidden_size, 1)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Return the logit of "positive" for each review.

        The padded steps are computed and thrown away: packing the sequences instead costs a
        backward pass that is quadratic in their length on a CPU.

        Parameters
        ----------
        tokens
            Word indices, shape (n, T), padded on the right.
        lengths
            Number of tokens of each review, at least 1, shape (n,).

        Returns
        -------
        torch.Tensor
            Logits, shape (n,).
        """
        states, _ = self.rnn(self.dropout(self.embedding(tokens)))
        last = states[torch.arange(len(lengths), device=states.device), lengths - 1]
        logits: Tensor = self.readout(self.dropout(last)).squeeze(1)
        return logits
