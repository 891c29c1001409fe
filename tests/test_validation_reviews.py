"""Corpora with validation reviews of their own, without, and with too few of any kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nullcline.study.analysis import analyse
from nullcline.study.settings import AnalysisSettings
from nullcline.text import Corpus, Split, load_corpus
from nullcline.training import train
from nullcline.training.checkpoint import split_of
from nullcline.training.fingerprint import corpus_sha256
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

SMALL = AnalysisSettings(n_starts=6, n_sample=25, n_reviews=5, n_words=6)


def with_validation(n: int = 20) -> Corpus:
    whole = tiny_corpus()
    return Corpus("synthetic", whole.train, whole.test, whole.classes, tiny_corpus(n, seed=1).train)


def cut(split: Split, rows: slice) -> Split:
    return Split(split.texts[rows], split.labels[rows])


def test_a_corpus_with_validation_reviews_is_trained_on_all_others(tmp_path: Path) -> None:
    corpus = with_validation()
    checkpoint = train(corpus, SETTINGS, tmp_path, progress=False)
    assert len(checkpoint.reviews(corpus, "train")) == len(corpus.train)
    validation = checkpoint.reviews(corpus, "validation")
    assert sorted(validation.labels) == sorted(corpus.validation.labels)  # type: ignore[union-attr]
    analysis = analyse(checkpoint, corpus, replace(SMALL, split="validation"))
    assert analysis.n_train == len(corpus.train)
    assert analysis.layers[0].n_states == sum(map(len, validation.indices))


def test_a_smaller_training_set_is_a_part_of_a_larger_one() -> None:
    corpus = with_validation()
    small, large = (
        split_of(corpus, replace(SETTINGS, train_size=size), "train")[1] for size in (10, 50)
    )
    assert len(small) == 10
    assert set(small) <= set(large)
    with pytest.raises(ValueError, match="train_size=121 is more than the corpus has: 120"):
        split_of(corpus, replace(SETTINGS, train_size=121), "train")


def test_the_first_validation_reviews_stand_for_all_where_a_corpus_has_them_by_class() -> None:
    """Snapshots within an epoch are judged by the first of them."""
    validation = with_validation(40).validation
    assert validation is not None
    by_class = np.argsort(validation.labels)
    own = Split(tuple(validation.texts[row] for row in by_class), validation.labels[by_class])
    split, rows = split_of(replace(with_validation(), validation=own), SETTINGS, "validation")
    assert sorted(rows) == list(range(40))
    assert 5 <= split.labels[rows[:20]].sum() <= 15


def test_a_corpus_without_validation_reviews_is_cut_as_before() -> None:
    corpus = tiny_corpus()
    rows = [split_of(corpus, SETTINGS, name)[1] for name in ("train", "validation")]
    assert list(map(len, rows)) == [84, 36]
    assert sorted(np.concatenate(rows)) == list(range(120))


def test_validation_reviews_are_a_part_of_what_a_corpus_is() -> None:
    assert corpus_sha256(with_validation()) != corpus_sha256(with_validation(24))
    assert corpus_sha256(with_validation()) != corpus_sha256(
        replace(with_validation(), validation=None)
    )


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["text,label,split", *rows]) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("name", ["validation", "valid", "val", "dev", "Development "])
def test_a_csv_file_may_have_validation_rows(tmp_path: Path, name: str) -> None:
    rows = "good,1,train", "bad,0,train", f"fine,1,{name}", f"dull,0,{name}", "top,1,test"
    corpus = load_corpus(write(tmp_path / "own.csv", *rows))
    assert corpus.validation is not None
    assert corpus.validation.texts == ("fine", "dull")
    assert corpus.train.texts == ("good", "bad")
    assert repr(corpus).endswith("2 training, 2 validation and 1 test texts, 2 classes)")


def test_a_csv_file_without_test_rows_is_refused_with_the_mend(tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", "good,1,train", "bad,0,train")
    with pytest.raises(ValueError, match="no row is in the test split; mark some so in the column"):
        load_corpus(path)


def test_a_csv_file_of_another_split_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "own.csv", "good,1,train", "bad,0,holdout")
    with pytest.raises(ValueError, match="'train', 'validation' or 'test', not 'holdout'"):
        load_corpus(path)


def corpus_of(train_labels: list[int], validation: list[int] | None = None) -> Corpus:
    splits = [
        None if labels is None else Split(("word",) * len(labels), np.array(labels, np.int64))
        for labels in (train_labels, validation)
    ]
    assert splits[0] is not None
    return Corpus("own", splits[0], tiny_corpus().test, validation=splits[1])


TOO_SMALL = {
    "no review to train on": (corpus_of([]), "the corpus has 0 training reviews"),
    "one review": (corpus_of([0]), "leaves no review on one side"),
    "one validation review": (corpus_of([0, 1, 0]), "there is 1, 'negative'|none of the 2 reviews"),
    "one class to train on": (corpus_of([0] * 20), "none of the 14 reviews .* is 'positive'"),
    "one class to train on, validation apart": (
        corpus_of([1] * 20, [0, 1]), "none of the 20 reviews .* is 'negative': give the corpus more"
    ),
    "one class to validate on": (corpus_of([0, 1] * 9, [1, 1]), "there are 2, all 'positive'"),
    "no review to validate on": (corpus_of([0, 1] * 9, []), "there are none"),
}  # fmt: skip


@pytest.mark.parametrize(("corpus", "sentence"), TOO_SMALL.values(), ids=TOO_SMALL)
def test_a_split_that_is_too_small_is_named(corpus: Corpus, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        train(corpus, SETTINGS, tmp_path, progress=False)
    assert not list(tmp_path.glob("*.safetensors"))


def test_a_corpus_without_test_reviews_is_refused(tmp_path: Path) -> None:
    corpus = replace(tiny_corpus(), test=cut(tiny_corpus().test, slice(0)))
    with pytest.raises(ValueError, match="synthetic has no test reviews"):
        train(corpus, SETTINGS, tmp_path, progress=False)


def test_a_training_set_that_is_drawn_too_small_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none of the 1 reviews .* or a larger train_size"):
        train(tiny_corpus(), replace(SETTINGS, train_size=1), tmp_path, progress=False)
