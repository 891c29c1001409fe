"""How many passes word vectors need on a small corpus: `python -m benchmarks.vector_passes`.

`LEAST_TOKENS` and `MOST_PASSES` of `nullcline.text.trained_vectors` are what this found on SST: the
share of validation reviews that a logistic regression on a review's mean vector classifies, for
word vectors trained in so many passes over the training reviews. No test review is read.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.text import (
    Vocabulary,
    load_corpus,
    load_vectors_for_corpus,
    tokenize,
    train_word_vectors,
    trained_vectors,
)
from nullcline.training import TrainingSettings
from nullcline.training.checkpoint import split_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.text import Corpus

PENALTIES = (1, 10, 100)


def main(corpus: Corpus, passes: list[int]) -> None:
    """Print a line for each method and number of passes."""
    tokens = [tokenize(text) for text in corpus.train.texts]
    training, validation = split_rows(len(tokens), TrainingSettings())
    texts = [tokens[row] for row in training]
    vocabulary = Vocabulary.build(texts)

    def score(matrix: NDArray[np.float32]) -> float:
        means = np.array([matrix[vocabulary.encode(text or ["<unk>"])].mean(0) for text in tokens])
        return _score(means / means.std(), corpus.train.labels, training, validation)

    for name in (None, "random"):
        loaded = load_vectors_for_corpus(corpus.name, vocabulary.words, vectors=name)
        sys.stdout.write(f"{name or 'GloVe'}: {score(loaded.matrix(vocabulary)):.1%}\n")
    for method in trained_vectors.TRAINED:
        for number in passes:
            trained_vectors.passes = lambda _, number=number: number  # type: ignore[misc]
            start = time.process_time()
            found = train_word_vectors(method, texts, vocabulary)
            seconds = time.process_time() - start
            share = score(found.matrix(vocabulary))
            sys.stdout.write(f"{method}, {number} passes: {share:.1%}, {seconds:.1f} s\n")
            sys.stdout.flush()


def _score(
    means: NDArray[Any], labels: NDArray[Any], training: NDArray[Any], validation: NDArray[Any]
) -> float:
    from sklearn.linear_model import LogisticRegression

    models = (LogisticRegression(C=penalty, max_iter=2000) for penalty in PENALTIES)
    return max(
        float(
            model.fit(means[training], labels[training]).score(
                means[validation], labels[validation]
            )
        )
        for model in models
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default="sst")
    parser.add_argument("--passes", nargs="+", type=int, default=[5, 20, 50, 100, 200])
    chosen = parser.parse_args()
    main(load_corpus(chosen.corpus), chosen.passes)
