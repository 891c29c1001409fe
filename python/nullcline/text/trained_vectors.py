"""Word vectors trained on a corpus itself, by gensim's word2vec and fastText."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.validation import whole_number
from nullcline.text.vectors import LARGEST_SEED, WordVectors
from nullcline.text.vocabulary import UNK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nullcline.text.vocabulary import Vocabulary

__all__ = ["TRAINED", "train_word_vectors"]

TRAINED = ("word2vec", "fasttext")
"""The methods, as `vectors` names them."""

MIN_COUNT = 5
"""How often a word must come to be trained: word2vec's own default, and fastText's."""

WINDOW = 5
"""The most tokens between a word and its context: the default of both, and what Bojanowski et al.
(2017, section 4.1) use."""

NEGATIVE = 5
"""Words drawn against each context: the default of both (Mikolov et al. 2013b: 5 to 20 where the
corpus is small)."""

LEAST_PASSES, MOST_PASSES = 5, 50
"""Over a large corpus, the default of both, and over a small one."""

LEAST_TOKENS = 5_000_000
"""That are read, in passes over a small corpus: on SST, more or fewer passes than 50 gave vectors
that tell less of a review (`benchmarks.vector_passes`)."""

BUCKETS = 1 << 18
"""Rows for n-grams of letters, of dimension times 4 bytes each. Bojanowski et al. (2017) have
2,000,000, for a whole Wikipedia; the 25,000 words of an IMDB network have 145,173 n-grams."""

_LONGEST = 10_000
"""Of longer texts gensim reads no more."""


def train_word_vectors(
    method: str,
    texts: Iterable[Sequence[str]],
    vocabulary: Vocabulary,
    *,
    dimension: int = 100,
    seed: int = 0,
) -> WordVectors:
    """Train word vectors on texts by word2vec or fastText, both by skip-gram.

    The window, the number of negative samples and the least count are the methods' own defaults
    (5 each). A corpus is passed over 5 times, as by default, and a small one more often.

    One thread trains, and words are in the vocabulary's order: the same texts and seed give the
    same vectors in whatever process, on machines with the same arithmetic.

    Parameters
    ----------
    method
        ``"word2vec"`` (Mikolov et al. 2013) or ``"fasttext"``, where a word's vector is the mean of
        its own and those of its n-grams of 3 to 6 letters (Bojanowski et al. 2017).
    texts
        The tokens of each text.
    vocabulary
        The words; other tokens are passed over.
    dimension
        How many numbers a vector has, one or more.
    seed
        Seed of the training, from 0 on.

    Returns
    -------
    WordVectors
        Of the words that come 5 times or more. fastText has them of rarer words, too, by their
        n-grams.

    Raises
    ------
    ModuleNotFoundError
        gensim is not installed.
    TypeError, ValueError
        `method` is none of these, fewer than 2 words come often enough, or `dimension` or `seed` is
        no whole number in its range.

    References
    ----------
    T. Mikolov, K. Chen, G. Corrado, J. Dean (2013a), Efficient estimation of word representations
    in vector space.
    T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean (2013b), Distributed representations of
    words and phrases and their compositionality.
    P. Bojanowski, E. Grave, A. Joulin, T. Mikolov (2017), Enriching word vectors with subword
    information.
    """
    if method not in TRAINED:
        raise ValueError(f"method must be one of {', '.join(TRAINED)}, not {method!r}")
    whole_number("dimension", dimension, 1)
    whole_number("seed", seed, 0, LARGEST_SEED)
    read, counts = _read(texts, vocabulary)
    frequent = {word: counts[word] for word in vocabulary.words if counts[word] >= MIN_COUNT}
    if len(frequent) < 2:
        raise ValueError(
            f"{method} needs 2 words or more that come {MIN_COUNT} times in the texts to train on, "
            f"and these have {len(frequent)}: take random vectors (vectors='random'), or more texts"
        )
    model = _model(method, dimension, seed)
    model.build_vocab_from_freq(frequent, corpus_count=len(read))
    model.train(read, total_examples=len(read), epochs=passes(counts.total()))
    words = tuple(frequent) if method == "word2vec" else vocabulary.words[UNK + 1 :]
    return WordVectors(words, np.array([model.wv[word] for word in words], np.float32))


def passes(n_tokens: int) -> int:
    """Return how often texts of so many tokens are passed over."""
    return min(MOST_PASSES, max(LEAST_PASSES, math.ceil(LEAST_TOKENS / n_tokens)))


def _read(
    texts: Iterable[Sequence[str]], vocabulary: Vocabulary
) -> tuple[list[list[str]], Counter[str]]:
    """Return the words that are known, in parts as long as gensim reads, and their counts."""
    known = frozenset(vocabulary.words[UNK + 1 :])
    own = [[token for token in tokens if token in known] for tokens in texts]
    counts = Counter(token for tokens in own for token in tokens)
    parts = [tokens[i : i + _LONGEST] for tokens in own for i in range(0, len(tokens), _LONGEST)]
    return parts, counts


def _model(method: str, dimension: int, seed: int) -> Any:
    """Return gensim's model before its training."""
    from gensim.models import FastText, Word2Vec

    kind, more = (Word2Vec, {}) if method == "word2vec" else (FastText, {"bucket": BUCKETS})
    return kind(
        vector_size=dimension,
        sg=1,
        window=WINDOW,
        negative=NEGATIVE,
        min_count=MIN_COUNT,
        sorted_vocab=0,  # as given: where counts are equal, NumPy's order depends on the processor
        workers=1,  # several race
        seed=int(np.random.SeedSequence(seed).generate_state(1)[0]),  # gensim takes 32 bits
        **more,
    )
