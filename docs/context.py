"""What modifiers do in trained networks: `python -m docs.context CHECKPOINT ...`.

Several checkpoints can be named. What is found of each goes to `context/NAME.json`, of those that
--draw names a figure beside the others, and the tables of all go between the marks of context.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from docs.context_tables import with_results
from nullcline._support.files import write_json, write_text
from nullcline._support.reading import read_json
from nullcline.plotting.theme import style
from nullcline.study.context_analysis import analyse_context, bag_in_context
from nullcline.study.context_claims import CONTEXT_CLAIMS
from nullcline.study.context_figures import draw_context
from nullcline.study.context_rows import context_columns
from nullcline.study.figures import save_figure
from nullcline.study.job_corpora import seed_of_corpus
from nullcline.study.modifiers import modifiers_of
from nullcline.study.settings import AnalysisSettings
from nullcline.text import load_corpus
from nullcline.text.synthetic_context import best_bag_of_words_accuracy
from nullcline.training import load_checkpoint
from nullcline.training.bag_of_words import fit_bag_of_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.text import Corpus
    from nullcline.training import Checkpoint
    from nullcline.training.bag_in_context import BagInContext
    from nullcline.training.bag_of_words import BagOfWords

    Row = dict[str, Any]

_corpora: dict[tuple[str, int], Corpus] = {}
_bags: dict[tuple[Any, ...], tuple[BagOfWords, BagInContext]] = {}
"""Networks that read the same reviews have the same bags of words beside them."""


def main(folders: Sequence[Path], docs: Path, drawn: Sequence[str], n_reviews: int) -> None:
    """Write numbers, figures and tables."""
    for folder in folders:
        measure(load_checkpoint(folder), docs, drawn, n_reviews)
    results = [read_json(path, "results") for path in sorted((docs / "context").glob("*.json"))]
    page = docs / "context.md"
    write_text(page, with_results(page.read_text("utf-8"), results))


def measure(checkpoint: Checkpoint, docs: Path, drawn: Sequence[str], n_reviews: int) -> None:
    """Analyse the modifiers in a network."""
    settings = checkpoint.settings
    corpus = _corpus(checkpoint)
    bag, in_context = _bags_of(checkpoint, corpus)
    found = analyse_context(
        checkpoint,
        corpus,
        AnalysisSettings(n_context_reviews=n_reviews),
        bag=bag,
        in_context=in_context,
    )
    if found is None:
        raise ValueError(f"{checkpoint.directory} must hold a network that knows modifiers")
    name = f"{corpus.name}-{settings.cell}-{settings.layers}-{settings.hidden_size}-{settings.seed}"
    network: Any = SimpleNamespace(context=found)  # all that these claims ask of a network
    findings = {claim.name: claim.evaluate(network) for claim in CONTEXT_CLAIMS}
    record = {
        "name": name,
        "corpus": corpus.name,
        "cell": settings.cell,
        "layers": settings.layers,
        "hidden_size": settings.hidden_size,
        "seed": settings.seed,
        "checkpoint_sha256": checkpoint.sha256,
        "columns": context_columns(found),
        "claims": {name: finding.agrees for name, finding in findings.items()},
        "measured": {name: finding.measured for name, finding in findings.items()},
        **found.to_json(),
    }
    if corpus.name == "synthetic-context":
        record["best_bag_of_words"] = best_bag_of_words_accuracy(corpus.test.texts)
    (docs / "context").mkdir(exist_ok=True)
    write_json(docs / "context" / f"{name}.json", record)
    if name in drawn:
        with style():
            save_figure(draw_context(found), docs / "images" / f"context-{name}.png")


def _corpus(checkpoint: Checkpoint) -> Corpus:
    key = checkpoint.corpus, seed_of_corpus(checkpoint.corpus, checkpoint.settings)
    if key not in _corpora:
        classes = checkpoint.settings.classes
        _corpora[key] = load_corpus(key[0], classes=classes, seed=key[1], progress=False)
    return _corpora[key]


def _bags_of(checkpoint: Checkpoint, corpus: Corpus) -> tuple[BagOfWords, BagInContext]:
    own, words = checkpoint.settings, checkpoint.vocabulary.words
    split = own.seed, own.validation_fraction, own.train_size, own.max_tokens
    key = checkpoint.corpus_sha256, *split, words
    if key not in _bags:
        bag = fit_bag_of_words(checkpoint, corpus)
        modifiers = modifiers_of(checkpoint.vocabulary)
        _bags[key] = bag, bag_in_context(checkpoint, corpus, modifiers)
    return _bags[key]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", nargs="*", type=Path)
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    parser.add_argument("--draw", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--reviews", type=int, default=1000)
    options = parser.parse_args()
    main(options.checkpoints, options.docs, options.draw, options.reviews)
