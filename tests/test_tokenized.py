"""Texts that are cut once are encoded as those that are cut for each network."""

from __future__ import annotations

import numpy as np
import pytest

from nullcline.text import UNK, Vocabulary, tokenize
from nullcline.training import tokenized as module
from nullcline.training.tokenized import MOST_KEPT, TokenizedTexts, tokenized

TEXTS = ("A good film, and good fun.", "", "good", "   ", "Bad; bad; BAD!")


def encoded(text: str, vocabulary: Vocabulary, max_tokens: int | None) -> list[int]:
    """Return what the words of one text are, as they are said to be."""
    tokens = tokenize(text)
    seen = tokens if max_tokens is None else tokens[-max_tokens:]
    return vocabulary.encode(seen).tolist() or [UNK]


@pytest.mark.parametrize("max_tokens", [None, 1, 3, 100])
def test_indices_are_those_of_the_words(max_tokens: int | None) -> None:
    cut = TokenizedTexts(TEXTS)
    for words in (("good", "bad", "."), ("fun",), ()):  # one cut serves every vocabulary
        vocabulary = Vocabulary(words)
        for rows in ([4, 0], range(5)):  # and the words grow as texts are asked for
            found = cut.encode(rows, vocabulary, max_tokens)
            expected = [encoded(TEXTS[row], vocabulary, max_tokens) for row in rows]
            assert [indices.tolist() for indices in found] == expected
            assert {indices.dtype for indices in found} == {np.dtype(np.int64)}


def test_a_text_is_cut_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counting(text: str) -> list[str]:
        asked.append(text)
        return tokenize(text)

    monkeypatch.setattr(module, "tokenize", counting)
    texts = tuple(TEXTS)
    for words in (("good",), ("bad",)):
        tokenized(texts).encode([0, 2], Vocabulary(words), None)
    tokenized(texts).encode([2, 4], Vocabulary(()), None)
    assert asked == [TEXTS[0], TEXTS[2], TEXTS[4]]


def test_other_texts_are_others_and_few_are_kept() -> None:
    first = tuple(TEXTS[:2])
    kept = tokenized(first)
    assert tokenized(first) is kept
    assert tokenized((*TEXTS[:1], "x")) is not kept
    for i in range(MOST_KEPT):
        tokenized((str(i),))
    assert tokenized(first) is not kept


def test_a_list_that_may_change_is_not_kept() -> None:
    texts = ["good"]
    vocabulary = Vocabulary(("good", "bad"))
    before = tokenized(texts).encode([0], vocabulary, None)[0].tolist()
    texts[0] = "bad"
    assert tokenized(texts).encode([0], vocabulary, None)[0].tolist() != before
