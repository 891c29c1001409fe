"""The corpora: from small copies in every format, and from CSV files good and bad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from nullcline.text import Corpus, Split, imdb, load_corpus, sst
from testing.text_samples import FORMATS, write_archive

if TYPE_CHECKING:
    from pathlib import Path

_REVIEWS = {
    f"aclImdb/{split}/{label}/{number}_{rating}.txt": f"{split} {label} {number} é".encode()
    for split in ("test", "train")
    for label, rating in (("pos", 9), ("neg", 2))
    for number in (10, 9, 0)
}
_OTHERS = {
    "aclImdb/README": b"read me",
    "aclImdb/train/unsup/0_0.txt": b"unlabelled",
    "aclImdb/train/pos/._1_9.txt": b"left by a file manager",
    "aclImdb/train/labeledBow.feat": b"1 0:9",
}
_TREES = {
    "trees/train.txt": (
        b"(3 (2 It) (4 (2 's) (4 great)))\n"
        b"(2 (2 So) (2 so))\n"
        b"(0 (2 -LRB-) (1 (2 Ca) (1 (1 n't) (2 and\\/or))))\n"
    ),
    "trees/dev.txt": b"(4 (4 Left) (2 out))\n",
    "trees/test.txt": "(1 (1 Mal) (2 été))\n(4 (4 Fine) (2 .))\n".encode(),
}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NULLCLINE_DATA", raising=False)
    monkeypatch.setattr(imdb, "_REVIEWS_PER_FOLDER", 3)
    monkeypatch.setattr(sst, "_TREES", {"train": 3, "test": 2})


@pytest.mark.parametrize("suffix", FORMATS)
def test_imdb_from_every_format_is_read(tmp_path: Path, suffix: str) -> None:
    write_archive(tmp_path / "aclImdb_v1", suffix, _REVIEWS | _OTHERS)
    corpus = load_corpus("imdb", data_dir=tmp_path, progress=False)
    assert corpus.name == "imdb"
    assert corpus.classes == ("negative", "positive")
    for split in ("train", "test"):
        texts = [f"{split} {label} {number} é" for label in ("neg", "pos") for number in (0, 9, 10)]
        assert list(getattr(corpus, split).texts) == texts
        np.testing.assert_array_equal(getattr(corpus, split).labels, [0, 0, 0, 1, 1, 1])
        assert getattr(corpus, split).labels.dtype == np.int64


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_archive(tmp_path / "aclImdb_v1", ".tar.xz", _REVIEWS)
    monkeypatch.setenv("NULLCLINE_DATA", str(tmp_path))
    assert len(load_corpus("imdb", progress=False).train) == 6


def test_imdb_that_lacks_a_review_is_refused(tmp_path: Path) -> None:
    fewer = dict(list(_REVIEWS.items())[:-1])
    write_archive(tmp_path / "aclImdb_v1", ".tar", fewer)
    with pytest.raises(ValueError, match=r"2 reviews in train/neg, not 3: it is cut short"):
        load_corpus("imdb", data_dir=tmp_path, progress=False)


def test_imdb_that_is_not_text_is_refused(tmp_path: Path) -> None:
    damaged = _REVIEWS | {"aclImdb/test/neg/9_2.txt": b"\xff\xfe"}
    write_archive(tmp_path / "aclImdb_v1", ".zip", damaged)
    with pytest.raises(ValueError, match=r"test/neg/9_2\.txt is not UTF-8"):
        load_corpus("imdb", data_dir=tmp_path, progress=False)


@pytest.mark.parametrize("suffix", FORMATS)
def test_sst_from_every_format_is_read(tmp_path: Path, suffix: str) -> None:
    write_archive(tmp_path / "trainDevTestTrees_PTB", suffix, _TREES)
    corpus = load_corpus("sst", data_dir=tmp_path, progress=False)
    assert corpus.train.texts == ("It 's great", "( Ca n't and/or")
    assert corpus.train.labels.tolist() == [1, 0]
    assert corpus.test.texts == ("Mal été", "Fine .")
    assert corpus.test.labels.tolist() == [0, 1]


def test_sst_in_five_grades_is_read(tmp_path: Path) -> None:
    write_archive(tmp_path / "trainDevTestTrees_PTB", ".zip", _TREES)
    corpus = load_corpus("sst", data_dir=tmp_path, classes=5, progress=False)
    assert corpus.train.texts == ("It 's great", "So so", "( Ca n't and/or")
    assert corpus.train.labels.tolist() == [3, 2, 0]
    assert corpus.test.labels.tolist() == [1, 4]
    assert corpus.classes[2] == "neutral"


@pytest.mark.parametrize(("name", "classes"), [("sst", 3), ("imdb", 5), ("synthetic", 8)])
def test_classes_that_a_corpus_does_not_have_are_refused(name: str, classes: int) -> None:
    with pytest.raises(ValueError, match="classes must be"):
        load_corpus(name, classes=classes, progress=False)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (b"(3 (2 a) (2 b))\n", r"holds 1 trees in train\.txt, not 3: it is cut short"),
        (b"(3 (2 a) (2 b))\n" * 2 + b"(3 (2 a) (2 b)\n", r"line 3 of train\.txt is not a tree"),
        (b"(3 (2 a) (2 b))\n" * 2 + b"(7 (2 a) (2 b))\n", r"line 3 of train\.txt is not a tree"),
        (b"\xff\n\xff\n\xff\n", r"train\.txt is not UTF-8"),
    ],
)
def test_sst_that_is_damaged_is_refused(tmp_path: Path, train: bytes, message: str) -> None:
    damaged = _TREES | {"trees/train.txt": train}
    write_archive(tmp_path / "trainDevTestTrees_PTB", ".zip", damaged)
    with pytest.raises(ValueError, match=message):
        load_corpus("sst", data_dir=tmp_path, progress=False)


def _csv(folder: Path, content: str | bytes) -> str:
    path = folder / "mine.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_a_csv_file_with_a_split_column_is_read(tmp_path: Path) -> None:
    path = _csv(
        tmp_path,
        "\ufeffSplit,Review,id,Sentiment\r\n"
        'train,"Good, ""very"" good",1,positive\r\n'
        'Test,"two\nlines",2,negative\r\n'
        "\r\n"
        "train,été,3,negative\r\n",
    )
    corpus = load_corpus(path)
    assert corpus.name == "mine.csv"
    assert corpus.classes == ("negative", "positive")
    assert corpus.train.texts == ('Good, "very" good', "été")
    assert corpus.train.labels.tolist() == [1, 0]
    assert corpus.test.texts == ("two\nlines",)
    assert corpus.test.labels.tolist() == [0]


def test_a_csv_file_is_split_by_class_and_seed(tmp_path: Path) -> None:
    rows = [f"text {number},{int(number % 4 == 0)}" for number in range(100)]
    path = _csv(tmp_path, "text,label\n" + "\n".join(rows))
    corpus = load_corpus(path, seed=1)
    assert corpus.classes == ("negative", "positive")
    assert (len(corpus.train), len(corpus.test)) == (80, 20)
    assert (corpus.train.labels.sum(), corpus.test.labels.sum()) == (20, 5)
    assert {*corpus.train.texts, *corpus.test.texts} == {f"text {n}" for n in range(100)}
    numbers = [int(text.split()[1]) for text in corpus.train.texts]
    assert numbers == sorted(numbers)
    np.testing.assert_array_equal(corpus.train.labels, [n % 4 == 0 for n in numbers])
    assert load_corpus(path, seed=1).test.texts == corpus.test.texts
    assert load_corpus(path, seed=2).test.texts != corpus.test.texts


def test_any_two_strings_are_labels(tmp_path: Path) -> None:
    corpus = load_corpus(_csv(tmp_path, "sentence,label\na,spam\nb,ham\nc,spam\nd,ham\n"))
    assert corpus.classes == ("ham", "spam")
    for split in (corpus.train, corpus.test):
        for text, label in zip(split.texts, split.labels, strict=True):
            assert label == (text in "ac")


def test_more_labels_than_two_are_numbered_by_alphabet(tmp_path: Path) -> None:
    rows = "".join(f"{text},{label}\n" for text, label in zip("abcdef", "zxyzxy", strict=True))
    path = _csv(tmp_path, f"text,label\n{rows}")
    corpus = load_corpus(path, classes=3)
    assert corpus.classes == ("x", "y", "z")
    for split in (corpus.train, corpus.test):
        assert sorted(split.labels) == [0, 1, 2]
        for text, label in zip(split.texts, split.labels, strict=True):
            assert corpus.classes[label] == "zxyzxy"["abcdef".index(text)]
    with pytest.raises(ValueError, match=r"must be 2 different strings .* there are 3"):
        load_corpus(path)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ("1 -1", ("-1", "1")),
        ("+1 -1", ("-1", "+1")),
        ("10 9 2 1", ("1", "2", "9", "10")),
        ("1 0 -1 -2", ("-2", "-1", "0", "1")),
        ("10.0 2.0", ("2.0", "10.0")),
        (".5 0.25", ("0.25", ".5")),
        ("1.0 0.0", ("negative", "positive")),
        ("1 0", ("negative", "positive")),
        ("10 9 two", ("10", "9", "two")),
        ("True False", ("False", "True")),
        ("nan inf", ("inf", "nan")),
    ],
)
def test_labels_that_are_numbers_are_in_their_order(
    tmp_path: Path, labels: str, names: tuple[str, ...]
) -> None:
    given = labels.split()
    rows = "".join(f"{kind} {label},{label}\n" for kind in "ab" for label in given)
    corpus = load_corpus(_csv(tmp_path, f"text,label\n{rows}"), classes=len(given))
    assert corpus.classes == names
    numbers = {"negative": given[1], "positive": given[0]}
    for split in (corpus.train, corpus.test):
        for text, label in zip(split.texts, split.labels, strict=True):
            assert text.split()[1] == numbers.get(names[label], names[label])


def test_a_csv_file_may_have_long_texts(tmp_path: Path) -> None:
    text = "x" * 200_000
    corpus = load_corpus(_csv(tmp_path, f"text,label\n{text},1\nb,0\nc,1\nd,0\n"))
    assert text in corpus.train.texts + corpus.test.texts


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('text,label\n"a \\"great\\" film",1\nb,0\n', r'line 2: .*\(line 2 has \\", but'),
        ("text,label\na,1\nb,1.0\n", "labels 1, 1.0 are one number"),
        ("text,label\na,0\nb,\n", "line 3: column 'label' is empty"),
        ("text,label\na," + "1" * (1 << 24) + "\n", "line 2: more than 16,777,216 long"),
        ("", "no column is called 'text' or 'review' or 'sentence'; the header has nothing"),
        ("words,label\na,0\n", "no column is called 'text'.*header has 'words', 'label'"),
        ("text,stars\na,0\n", "no column is called 'label' or 'sentiment'"),
        ("text,label\n", "there are 0: no rows"),
        ("text,label\na,1\nb,1\n", r"there are 1: '1' \(line 2\)"),
        ("text,label\na,0\nb,1\nc,2\n", r"there are 3: .*'2' \(line 4\)"),
        ("text,label\na,0\nb,b,1\n", "line 3: 3 columns, where the header has 2; quote"),
        ("text,label\na,0\nb\n", "line 3: 1 columns"),
        ("text,label\na,0\n  ,1\n", "line 3: column 'text' is empty"),
        ('text,label\na,0\n"b,1\n', "line 3: unexpected end of data"),
        ("text,label,split\na,0,train\nb,1,dev\n", "line 3: column 'split' must be"),
        ("text,label,split\na,0,train\nb,1,train\n", "no row is in the test split"),
        ("text,label\na,0\nb,1\nc,1\n", "class 'negative' has one row"),
        (b"text,label\n\xff,0\n", "is not UTF-8 text"),
    ],
)
def test_bad_csv_files_are_explained(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=rf"mine\.csv.*{message}"):
        load_corpus(_csv(tmp_path, content))


def test_bad_names_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'imdb', 'sst' or the path of a CSV file"):
        load_corpus("amazon")
    with pytest.raises(FileNotFoundError):
        load_corpus(tmp_path / "missing.csv")
    with pytest.raises(NotADirectoryError, match="data_dir must name a folder"):
        load_corpus("imdb", data_dir=tmp_path / "missing")


def test_a_split_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"labels must have shape \(2,\)"):
        Split(("a", "b"), np.array([1]))
    with pytest.raises(ValueError, match="labels must be class numbers, 0 or more"):
        Split(("a", "b"), np.array([1, -1]))


def test_labels_beyond_the_classes_are_refused() -> None:
    good, bad = Split(("a", "b"), np.array([0, 1])), Split(("a", "b"), np.array([1, 2]))
    assert Corpus("three", good, bad, ("low", "middle", "high")).classes[2] == "high"
    with pytest.raises(ValueError, match=r"labels must be below 2, .* the test split has 2"):
        Corpus("two", good, bad)
    with pytest.raises(ValueError, match="classes must be two or more"):
        Corpus("one", good, good, ("all",))
