"""Which words a verdict is owed to: exact attribution beside what is used today.

`python -m benchmarks.attributions` trains a GRU on SST and one on IMDB (or takes those of an
earlier run) and explains test reviews, right and wrong ones, with every method by turns. It writes
`results/attributions.json` and the tables of docs/attribution.md.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import spearmanr

import nullcline as nc
from benchmarks.report import ROOT, fill
from benchmarks.rivals.attributions import METHODS, Shares
from benchmarks.texts import Text, drawn_texts
from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.cells import available_threads
from nullcline.text import load_corpus
from nullcline.training import TrainingSettings, train

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from nullcline.training import SentimentRNN

Row = dict[str, Any]

OURS = "secants (ours)"
FRACTIONS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Shares of the words that are taken away, or put into the empty text."""

RERUNS = 4
"""Reviews of a corpus, or one more, that are explained twice, with other seeds."""

ROUNDS = 5
"""How often all reviews are explained in one call."""

NUMBERS = {"sst": (50, 50), "imdb": (20, 20)}
"""How many reviews of each corpus that the network gets right, and wrong."""


@functools.cache
def _at_rest(model: SentimentRNN) -> tuple[Any, Any, Any]:
    """Return a network's cells, its readout and where it rests, which all texts share."""
    cells = nc.from_torch(model.rnn)
    readout = model.readout.weight.detach().numpy()[0].astype(np.float64)
    nothing = np.zeros((0, cells[0].input_size))
    return cells, readout, nc.attribute(cells, nothing, readout).baseline


def secants(text: Text, seed: int) -> Shares:
    """Return the exact shares beside a network that rests at its fixed point."""
    del seed
    cells, readout, baseline = _at_rest(text.model)
    inputs = text.embeddings.numpy().astype(np.float64)
    found = nc.attribute(cells, inputs, readout, baseline=baseline)
    return Shares(np.asarray(found.shares), float(found.error))


ALL: dict[str, Callable[[Text, int], Shares]] = {OURS: secants, **METHODS}


def seconds_together(texts: Sequence[Text]) -> float:
    """Return what a text takes by secants when all are explained in one call."""
    cells, readout, baseline = _at_rest(texts[0].model)
    inputs = [text.embeddings.numpy().astype(np.float64) for text in texts]
    begin = time.perf_counter()
    nc.attribute(cells, inputs, readout, baseline=baseline)
    return (time.perf_counter() - begin) / len(texts)


def towards(text: Text, shares: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the words' places, those first that speak most for the verdict."""
    return np.argsort(-shares if text.verdict else shares, kind="stable")


def curves(text: Text, shares: NDArray[np.float64]) -> tuple[float, float]:
    """Return how far the verdict's logit falls as its words go, and what they reach alone.

    Means over `FRACTIONS` of the words (the area over the perturbation curve, AOPC: Samek et al.
    2017; comprehensiveness and sufficiency: DeYoung et al. 2020).
    """
    order = towards(text, shares)
    alone = np.zeros((len(FRACTIONS), text.n_words), dtype=bool)
    for row, fraction in zip(alone, FRACTIONS, strict=True):
        row[order[: max(1, round(fraction * text.n_words))]] = True
    sign = 1 if text.verdict else -1
    without, only = np.split(sign * text.logits_of_masks(np.vstack([~alone, alone])), 2)
    return float(np.mean(sign * text.logit - without)), float(np.mean(only))


def explain(texts: Sequence[Text]) -> list[dict[str, Row]]:
    """Return what each method says of each text, one method after the other."""
    found = []
    for number, text in enumerate(texts):
        rows: dict[str, Row] = {}
        for name, method in ALL.items():
            begin = time.perf_counter()
            shares, error = method(text, 0)
            seconds = time.perf_counter() - begin
            deletion, insertion = curves(text, shares)
            rows[name] = {
                "shares": shares,
                "seconds": seconds,
                "error": error,
                "deletion": deletion,
                "insertion": insertion,
            }
            if number % max(1, len(texts) // RERUNS) == 0:
                rows[name]["rerun"] = correlation(shares, method(text, 1).words)
        found.append(rows)
    return found


def correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return Spearman's rank correlation; 1 for equal shares, which may be constant."""
    return 1.0 if np.array_equal(a, b) else float(spearmanr(a, b).statistic)


def summary(name: str, texts: Sequence[Text], found: Sequence[dict[str, Row]]) -> Row:
    """Return one method's means over the texts, right and wrong ones apart where they differ."""
    own = [rows[name] for rows in found]
    right = np.array([text.verdict == text.label for text in texts])
    row: Row = {"method": name, "seconds": statistics.median(r["seconds"] for r in own)}
    row["error"] = statistics.median(r["error"] for r in own)
    row["largest_error"] = max(r["error"] for r in own)
    for measure in ("deletion", "insertion"):
        values = np.array([r[measure] for r in own])
        row[measure] = {
            "right": float(values[right].mean()),
            "wrong": float(values[~right].mean()),
            "standard_error": float(values.std(ddof=1) / len(values) ** 0.5),
            "of_ours": float((values - [rows[OURS][measure] for rows in found]).mean()),
            "of_ours_standard_error": float(
                (values - [rows[OURS][measure] for rows in found]).std(ddof=1) / len(values) ** 0.5
            ),
        }
    row["rerun"] = float(np.mean([r["rerun"] for r in own if "rerun" in r]))
    row["correlation_with_ours"] = float(
        np.nanmean([correlation(r[OURS]["shares"], r[name]["shares"]) for r in found])
    )
    return row


def measure(corpus_name: str, networks: Path, numbers: tuple[int, int]) -> Row:
    """Train on a corpus, or read what was trained, and explain reviews."""
    corpus = load_corpus(corpus_name)
    settings = TrainingSettings(max_tokens=200, patience=2)
    folder = networks / corpus_name / "gru-1-layer"
    checkpoint = train(corpus, settings, folder, resume=True, progress=True)
    texts = [text for text in drawn_texts(checkpoint, corpus, *numbers, seed=0) if text.n_words > 1]
    for method in ALL.values():
        method(texts[0], 0)  # imports, compiles and warms up
    found = explain(texts)
    return {
        "corpus": corpus_name,
        "test_accuracy": checkpoint.test_accuracy,
        "reviews": len(texts),
        "words": float(np.median([text.n_words for text in texts])),
        "seconds_together": statistics.median(seconds_together(texts) for _ in range(ROUNDS)),
        "methods": [summary(name, texts, found) for name in ALL],
    }


def table(result: Row) -> str:
    """Return the methods of one corpus as a table."""
    lines = [
        "| method | deletion, right / wrong | insertion, right / wrong | completeness error | "
        "same on a rerun | with ours | seconds a review |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['method']} | {row['deletion']['right']:.2f} / {row['deletion']['wrong']:.2f} | "
        f"{row['insertion']['right']:.2f} / {row['insertion']['wrong']:.2f} | "
        f"{row['error']:.1e} | {row['rerun']:.2f} | {row['correlation_with_ours']:.2f} | "
        f"{row['seconds']:.3g} |"
        for row in result["methods"]
    ]
    together = f"| {OURS}, all in one call | | | | | | {result['seconds_together']:.3g} |"
    lines.insert(3, together)
    return "\n".join(lines)


def main() -> None:
    """Measure and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=Path, default=ROOT / "build" / "bench" / "networks")
    parser.add_argument("--corpora", nargs="+", default=list(NUMBERS), choices=list(NUMBERS))
    options = parser.parse_args()
    corpora = [measure(name, options.networks, NUMBERS[name]) for name in options.corpora]
    packages = versions() | {name: metadata.version(name) for name in ("captum", "lime", "shap")}
    result = {"packages": packages, "cores": available_threads(), "corpora": corpora}
    write_json(ROOT / "benchmarks" / "results" / "attributions.json", result)
    tables = {f"attribution-{row['corpus']}": table(row) for row in corpora}
    print("\n\n".join(tables.values()))
    fill(ROOT / "docs" / "attribution.md", tables)


if __name__ == "__main__":
    main()
