"""An epoch on IMDB with our recurrent modules beside PyTorch's, on the same batches by turns.

`python -m benchmarks.training_speed` takes a sample of an epoch's batches, of whole reviews and of
their last 200 tokens, and trains networks of each kind on them: forward, backward and Adam. Beside
ours are one of PyTorch's parts alone, Adam as it is by default, and one that has of PyTorch the
recurrent module and all else as ours. It writes `results/training-speed.json` and the table of
docs/imdb.md. Machines that are busy with other things should be judged by `cpu_seconds` of one
thread: PyTorch's threads wait for each other.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.report import ROOT, fill
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.text import Vocabulary, load_corpus
from nullcline.training import SentimentRNN, TrainingSettings
from nullcline.training.batches import EncodedReviews, shuffled_rows
from nullcline.training.checkpoint import encode_reviews, split_rows, visible_tokens
from nullcline.training.layer import kept_memory
from nullcline.training.objective import loss

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Row = dict[str, Any]

THEIR_MODULES: dict[str, type[torch.nn.GRU | torch.nn.LSTM | torch.nn.RNN]] = {
    "gru": torch.nn.GRU,
    "lstm": torch.nn.LSTM,
    "rnn": torch.nn.RNN,
}
CASES = (("gru", 1), ("gru", 3), ("lstm", 1), ("rnn", 1))
"""Kinds and numbers of layers."""

CAPS = (200, None)
"""How many of a review's tokens are read, the last ones; None for all."""


class WithTheirModule(SentimentRNN):
    """The same network with PyTorch's module, as fast as it is on a CPU: padded, not packed."""

    def __init__(self, n_words: int, *, cell: str, layers: int) -> None:
        super().__init__(n_words, cell=cell, layers=layers)
        ours: torch.nn.Module = self.rnn
        theirs: torch.nn.Module = THEIR_MODULES[cell](100, 256, num_layers=layers, batch_first=True)
        theirs.load_state_dict(ours.state_dict())
        self.add_module("rnn", theirs)

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Return the logits of each review."""
        states: torch.Tensor = self.rnn(self.dropout(self.embedding(tokens)))[0]
        last = states[torch.arange(len(lengths)), lengths - 1]
        logits: torch.Tensor = self.readout(self.dropout(last))
        return logits.squeeze(1)


class WithPyTorch(WithTheirModule):
    """The network of PyTorch's parts alone."""

    def __init__(self, n_words: int, *, cell: str, layers: int) -> None:
        super().__init__(n_words, cell=cell, layers=layers)
        self.dropout = torch.nn.Dropout(self.dropout.p)  # type: ignore[assignment]


def encoded(corpus: Any, cap: int | None) -> tuple[EncodedReviews, int]:
    """Return the training reviews of the study, and how many words there are."""
    settings = TrainingSettings(max_tokens=cap)
    rows, _ = split_rows(len(corpus.train), settings)
    texts = corpus.train.texts
    vocabulary = Vocabulary.build(
        (visible_tokens(texts[row], settings) for row in rows), max_size=settings.vocabulary_size
    )
    return encode_reviews(corpus.train, rows, vocabulary, settings), len(vocabulary)


class Trained:
    """A network and its optimizer, and what its steps took."""

    def __init__(self, model: SentimentRNN, *, fused: bool | None) -> None:
        self.model = model.train()
        self.optimizer = torch.optim.Adam(model.parameters(), fused=fused)
        self.seconds = self.cpu_seconds = 0.0
        self.last_loss = 0.0

    def step(self, reviews: EncodedReviews, rows: NDArray[np.int64], seed: int) -> None:
        """Take one step of Adam."""
        torch.manual_seed(seed)
        wall, cpu = time.perf_counter(), time.process_time()
        batch = reviews.batch(rows)
        error = loss(self.model(batch.tokens, batch.lengths), batch.labels)
        self.optimizer.zero_grad(set_to_none=True)
        error.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.last_loss = error.item()
        self.seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu


def warm_up(order: list[Trained], reviews: EncodedReviews, rows: NDArray[np.int64]) -> float:
    """Take steps that are not counted, and return how far apart the losses are after them.

    They are taken without dropout, of which everyone draws other numbers.
    """
    for trained in order:
        rate, trained.model.dropout.p = trained.model.dropout.p, 0.0
        for _ in range(3):
            trained.step(reviews, rows, 0)
        trained.model.dropout.p = rate
        trained.seconds = trained.cpu_seconds = 0.0
    losses = [trained.last_loss for trained in order]
    return max(losses) - min(losses)


def measure(reviews: EncodedReviews, n_words: int, cell: str, layers: int, every: int) -> Row:
    """Train all on every `every`-th batch of an epoch, in order of length, by turns."""
    batches = shuffled_rows(reviews.lengths, 64, np.random.default_rng(0))
    batches.sort(key=lambda rows: int(reviews.lengths[rows].sum()))
    sample = batches[every // 2 :: every]
    torch.manual_seed(0)
    ours = SentimentRNN(n_words, cell=cell, layers=layers)
    rivals = {"ours": Trained(ours, fused=True)}
    for name, make, fused in (
        ("their_module", WithTheirModule, True),
        ("pytorch", WithPyTorch, None),
    ):
        theirs = make(n_words, cell=cell, layers=layers)
        theirs.load_state_dict(ours.state_dict())
        rivals[name] = Trained(theirs, fused=fused)
    order = list(rivals.values())
    with kept_memory():
        difference = warm_up(order, reviews, sample[len(sample) // 2])
        for number, rows in enumerate(sample):
            first = number % len(order)
            for trained in order[first:] + order[:first]:
                trained.step(reviews, rows, number)
    tokens = sum(int(reviews.lengths[rows].sum()) for rows in sample)
    padded = sum(int(reviews.lengths[rows].max()) * len(rows) for rows in sample)
    scale = int(reviews.lengths.sum()) / tokens
    row: Row = {"cell": cell, "layers": layers, "batches": len(sample), "of": len(batches)}
    row |= {"tokens": tokens, "padded_tokens": padded}
    row["largest_difference_of_losses"] = difference
    for name, trained in rivals.items():
        row[name] = {
            "epoch_seconds": scale * trained.seconds,
            "epoch_cpu_seconds": scale * trained.cpu_seconds,
        }
    return row


def table(rows: Sequence[Row]) -> str:
    """Return the measured epochs as a table."""
    lines = [
        "| network | tokens of a review | an epoch with PyTorch alone | with its module "
        "| with ours | ratios |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        alone, module, ours = (
            row[name]["epoch_seconds"] for name in ("pytorch", "their_module", "ours")
        )
        read = "all" if row["max_tokens"] is None else f"the last {row['max_tokens']}"
        layers = f"{row['layers']} layer{'s' if row['layers'] > 1 else ''}"
        lines.append(
            f"| {row['cell'].upper()}, {layers} | {read} | {alone:.0f} s | {module:.0f} s | "
            f"{ours:.0f} s | {alone / ours:.1f}, {module / ours:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=13, help="which batches are in the sample")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--cells", nargs="+", default=list(THEIR_MODULES))
    parser.add_argument("--dry", action="store_true", help="print the result, and write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    corpus = load_corpus("imdb")
    rows = []
    for cap in CAPS:
        reviews, n_words = encoded(corpus, cap)
        for cell, layers in CASES:
            if cell in arguments.cells:
                row = measure(reviews, n_words, cell, layers, arguments.every)
                rows.append({"max_tokens": cap, **row})
                print(rows[-1], flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = {"threads": arguments.threads, "versions": versions(), "peak_kib": peak, "rows": rows}
    print(table(rows))
    if not arguments.dry:
        write_json(ROOT / "benchmarks" / "results" / "training-speed.json", result)
        fill(ROOT / "docs" / "imdb.md", {"training-speed": table(rows)})


if __name__ == "__main__":
    main()
