"""The real corpora and vectors, where there are local copies."""

from __future__ import annotations

import os

import numpy as np
import pytest

from nullcline.text import Vocabulary, load_corpus, load_vectors_for_corpus, tokenize

pytestmark = pytest.mark.skipif(
    not os.environ.get("NULLCLINE_DATA"),
    reason="set NULLCLINE_DATA to a folder with the archives of imdb, sst and glove",
)


def test_the_real_imdb_has_its_known_sizes_and_glove_covers_it() -> None:
    corpus = load_corpus("imdb", progress=False)
    for split in (corpus.train, corpus.test):
        assert len(split) == 25_000
        assert split.labels.sum() == 12_500
    assert corpus.train.texts[0].startswith("Story of a man who has unnatural feelings for a pig.")

    tokenized = [tokenize(text) for text in corpus.train.texts]
    vocabulary = Vocabulary.build(tokenized)
    assert len(vocabulary) == 25_002
    assert vocabulary.words[2:9] == ("the", ".", ",", "and", "a", "of", "to")

    vectors = load_vectors_for_corpus("imdb", vocabulary.words, progress=False)
    # A full GloVe knows these as well; a copy that is limited to IMDB's words may not.
    known = {*vectors.words, "n't", "'s", "'m", "'re", "'ve", "'d", "'ll", "...", "--"}
    running = [token for tokens in tokenized for token in tokens]
    covered = sum(token in known or len(token) == 1 for token in running)
    assert covered / len(running) > 0.97
    matrix = vectors.matrix(vocabulary)
    assert matrix.shape == (25_002, 100)
    assert np.isfinite(matrix).all()


def test_the_real_sst_has_its_known_sizes() -> None:
    corpus = load_corpus("sst", progress=False)
    assert (len(corpus.train), len(corpus.test)) == (6_920, 1_821)
    assert (corpus.train.labels.sum(), corpus.test.labels.sum()) == (3_610, 909)
    graded = load_corpus("sst", classes=5, progress=False)
    assert np.bincount(graded.train.labels).tolist() == [1092, 2218, 1624, 2322, 1288]
    assert len(graded.test) == 2_210
    three = load_corpus("sst", classes=3, progress=False)
    assert three.classes == ("negative", "neutral", "positive")
    assert np.bincount(three.train.labels).tolist() == [1092 + 2218, 1624, 2322 + 1288]
    assert three.train.texts == graded.train.texts
