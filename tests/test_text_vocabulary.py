"""The vocabulary: order, round trips, and files that are none."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nullcline.text import PAD, UNK, Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

_TEXTS = st.lists(st.lists(st.text("abcdé'", min_size=1, max_size=2), max_size=8), max_size=8)


@given(_TEXTS, st.integers(0, 12))
def test_the_most_common_words_come_first_and_ties_by_alphabet(
    texts: list[list[str]], max_size: int
) -> None:
    counts = Counter(token for tokens in texts for token in tokens)
    words = Vocabulary.build(texts, max_size).words[2:]
    assert len(words) == min(max_size, len(counts))
    assert list(words) == sorted(words, key=lambda word: (-counts[word], word))
    assert sorted((counts[word] for word in words), reverse=True) == [
        count for _, count in counts.most_common(max_size)
    ]


@given(_TEXTS)
def test_the_order_of_texts_and_tokens_does_not_matter(texts: list[list[str]]) -> None:
    shuffled = [tokens[::-1] for tokens in texts[::-1]]
    assert Vocabulary.build(texts, 5) == Vocabulary.build(shuffled, 5)


@given(_TEXTS)
def test_what_is_encoded_can_be_decoded(texts: list[list[str]]) -> None:
    vocabulary = Vocabulary.build(texts)
    for tokens in texts:
        numbers = vocabulary.encode(tokens)
        assert numbers.dtype == np.int64
        assert numbers.shape == (len(tokens),)
        assert vocabulary.decode(numbers) == tokens


def test_unknown_words_have_a_number_of_their_own() -> None:
    vocabulary = Vocabulary.build([["b", "a", "b", "<pad>", "<unk>"]])
    assert vocabulary.words == ("<pad>", "<unk>", "b", "a")
    assert (vocabulary.words[PAD], vocabulary.words[UNK]) == ("<pad>", "<unk>")
    assert vocabulary.encode(["a", "zzz", "b"]).tolist() == [3, UNK, 2]
    assert "a" in vocabulary
    assert "zzz" not in vocabulary


def test_a_file_gives_back_the_vocabulary(tmp_path: Path) -> None:
    vocabulary = Vocabulary.build([["b", "é", 'a"', "b"]])
    path = tmp_path / "new" / "vocabulary.json"
    vocabulary.save(path)
    loaded = Vocabulary.load(path)
    assert loaded == vocabulary
    assert hash(loaded) == hash(vocabulary)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "content",
    ["", "{", "{}", "[]", "3", '["a", "b"]', '["<pad>", "<unk>", 3]', '["<pad>", "<unk>", "a"'],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"vocabulary\.json is not a vocabulary"):
        Vocabulary.load(path)


def test_a_word_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'a' comes twice"):
        Vocabulary(["a", "b", "a"])
    with pytest.raises(ValueError, match="'<unk>' comes twice"):
        Vocabulary(["<unk>"])
    path = tmp_path / "vocabulary.json"
    path.write_text(json.dumps(["<pad>", "<unk>", "a", "a"]))
    with pytest.raises(ValueError, match="'a' comes twice"):
        Vocabulary.load(path)


def test_numbers_out_of_range_are_refused() -> None:
    vocabulary = Vocabulary(["a"])
    for number in (-1, 3):
        with pytest.raises(ValueError, match="from 0 to 2"):
            vocabulary.decode([number])
    with pytest.raises(ValueError, match="max_size"):
        Vocabulary.build([], -1)
