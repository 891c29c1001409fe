"""Word vectors: every format says the same, damage is named, unknown words are drawn."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nullcline.text import (
    PAD,
    UNK,
    SkippedRowsWarning,
    Vocabulary,
    WordVectors,
    load_vectors_for_corpus,
    load_word_vectors,
)
from testing.text_samples import write_archive

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def _lines(vectors: WordVectors, end: str = "\n") -> str:
    rows = zip(vectors.words, vectors.vectors, strict=True)
    return "".join(f"{word} {' '.join(map(repr, row.tolist()))}{end}" for word, row in rows)


def _glove(vectors: WordVectors) -> bytes:
    return _lines(vectors).encode()


def _word2vec_text(vectors: WordVectors) -> bytes:
    return f"{len(vectors)} {vectors.dimension}\n{_lines(vectors)}".encode()


def _fasttext(vectors: WordVectors) -> bytes:
    return f"{len(vectors)} {vectors.dimension}\n{_lines(vectors, ' ' + chr(10))}".encode()


def _word2vec_binary(vectors: WordVectors) -> bytes:
    """As the original C program writes it, with a line break after each vector."""
    rows = zip(vectors.words, vectors.vectors, strict=True)
    header = f"{len(vectors)} {vectors.dimension}\n".encode()
    return header + b"".join(
        word.encode() + b" " + row.astype("<f4").tobytes() + b"\n" for word, row in rows
    )


def _gensim_binary(vectors: WordVectors) -> bytes:
    """As gensim writes it, without line breaks."""
    rows = zip(vectors.words, vectors.vectors, strict=True)
    header = f"{len(vectors)} {vectors.dimension}\n".encode()
    return header + b"".join(
        word.encode() + b" " + row.astype("<f4").tobytes() for word, row in rows
    )


_FORMATS = [_glove, _word2vec_text, _fasttext, _word2vec_binary, _gensim_binary]
_COMPRESSIONS: list[Callable[[bytes], bytes]] = [
    bytes, gzip.compress, lambda content: lzma.compress(content, preset=0), bz2.compress,
]  # fmt: skip

_WORD = st.text(st.sampled_from("abé'-.,1\u0085\u00a0漢"), min_size=1, max_size=5)
_WORDS = st.lists(_WORD, min_size=1, max_size=6, unique=True)


@st.composite
def _word_vectors(draw: st.DrawFn) -> WordVectors:
    words = tuple(draw(_WORDS))
    shape = (len(words), draw(st.integers(2, 5)))
    numbers = st.floats(-(2.0**60), 2.0**60, width=32)
    return WordVectors(words, draw(hnp.arrays(np.float32, shape, elements=numbers)))


def _example(dimension: int = 4) -> WordVectors:
    words = ("the", "film", "n't", ",", "café")
    drawn = np.random.default_rng(0).normal(size=(len(words), dimension))
    return WordVectors(words, drawn.astype(np.float32))


def _assert_same(ours: WordVectors, theirs: WordVectors) -> None:
    assert ours.words == theirs.words
    assert ours.vectors.dtype == np.float32
    np.testing.assert_array_equal(ours.vectors, theirs.vectors)


@given(_word_vectors(), st.sampled_from(_COMPRESSIONS))
def test_every_format_comes_back_the_same(
    vectors: WordVectors, compress: Callable[[bytes], bytes]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "vectors")
        for write in _FORMATS:
            path.write_bytes(compress(write(vectors)))
            _assert_same(load_word_vectors(path), vectors)


@pytest.mark.parametrize("write", _FORMATS)
def test_only_the_given_words_are_kept(
    tmp_path: Path, write: Callable[[WordVectors], bytes]
) -> None:
    vectors = _example()
    path = tmp_path / "vectors"
    path.write_bytes(write(vectors))
    kept = load_word_vectors(path, ["café", "film", "unheard"])
    _assert_same(kept, WordVectors(("film", "café"), vectors.vectors[[1, 4]]))
    none = load_word_vectors(path, ["unheard"])
    assert none.words == ()
    assert none.vectors.shape == (0, 4)


def test_the_member_of_a_zip_archive_is_chosen_by_dimension(tmp_path: Path) -> None:
    path = tmp_path / "glove.6B.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for dimension in (50, 100):
            archive.writestr(f"glove.6B.{dimension}d.txt", _glove(_example(dimension)))
    _assert_same(load_word_vectors(path, dimension=100), _example(100))
    for missing in (None, 200):
        with pytest.raises(ValueError, match=r"holds glove\.6B\.50d\.txt, glove\.6B\.100d\.txt"):
            load_word_vectors(path, dimension=missing)


def test_a_large_binary_file_is_read_in_chunks(tmp_path: Path) -> None:
    words = tuple(f"w{number}" for number in range(4_000))
    drawn = np.random.default_rng(1).normal(size=(len(words), 100)).astype(np.float32)
    vectors = WordVectors(words, drawn)
    path = tmp_path / "vectors.bin"
    path.write_bytes(_word2vec_binary(vectors))
    _assert_same(load_word_vectors(path), vectors)


def test_words_may_hold_spaces_and_the_first_of_two_counts(tmp_path: Path) -> None:
    path = tmp_path / "glove.840B.txt"
    path.write_text("a 1.0 2.0\n. . . 3.0 4.0\na 5.0 6.0\n\n")
    with pytest.warns(SkippedRowsWarning, match=r"a word that comes a second time, 1 .*line 3"):
        loaded = load_word_vectors(path)
    assert loaded.words == ("a", ". . .")
    np.testing.assert_array_equal(loaded.vectors, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no word vectors"),
        (b"\n", "holds no word vectors"),
        (b"<html>\n<p>not found\n", "holds no word vectors"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "holds no word vectors"),
        (b"0 3\n", "holds no word vectors"),
        (b"a 0.1 0.2\nb 0.1\n", r"more than 1 numbers, 1 \(first: line 1\)"),
        (b"a 0.1 0.2\nb 0.1 0.2\nc", r"line 3: not a word and 2 numbers.*cut short"),
        (b"a 0.1 0.2\nb 0.1 0.2 0.3\n", r"more than 2 numbers, 1 .*line 2"),
        (b"a 0.1 0.2\nb 0.1 x\n", r"a number is none, 1 \(first: line 2\)"),
        (b"a 0.1 0.2\nb 0.1 nan\n", r"a number is not finite, 1 \(first: line 2\)"),
        (b"a 0.1 0.2\nb 0.1 1e40\n", r"a number is not finite, 1 \(first: line 2\)"),
        (b"2 2\na 0.1 0.2\nb inf 0.2\n", r"a number is not finite, 1 \(first: line 3\)"),
        (b"4 2\na 0.1 0.2\nb 0.1 0.2\n", "promises 4 words, and it holds 2"),
        (b"1 2\na 0.1 0.2\nb 0.1 0.2\nc 0.1 0.2\n", "promises 1 words, and it holds 3"),
        (b"2 2\na 0.1 0.2\nb 0.1\n", r"not a word and 2 numbers, 1 \(first: line 3\)"),
        (b"2 2\n", "promises 2 words, and it holds 0"),
        (_word2vec_binary(_example())[:-5], "no word and 4 numbers are where word 5 should be"),
        (_word2vec_binary(_example()) + b"more", "where word 6 should be"),
        (_word2vec_binary(_example()) + _word2vec_binary(_example())[4:], "longer than the 5"),
        (
            _word2vec_binary(_example()).replace(b"film", b"the film"),
            "word 3 does not begin where word 2 ends",
        ),
        (gzip.compress(_glove(_example()))[:-12], "it is damaged or cut short"),
        (lzma.compress(_glove(_example()))[:-12], "it is damaged or cut short"),
        (bz2.compress(_glove(_example()))[:-12], "it is damaged or cut short"),
    ],
)
def test_damage_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"vectors.*{message}"):
        load_word_vectors(path)


def _rows(*words: str | bytes) -> bytes:
    """Return lines of a GloVe file: the first word has the numbers 0.5 and 1.5, and so on."""
    encoded = [word.encode() if isinstance(word, str) else word for word in words]
    return b"".join(b"%s %d.5 %d.5\n" % (word, i, i + 1) for i, word in enumerate(encoded))


_KEPT = {"the": 0, "cat": 2, "dog": 3}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_rows("the", "\t", "cat", "dog"), "a word that is blank, 1 .*line 2|not a word"),
        (_rows("the", " ", "cat", "dog"), r"a word that is blank, 1 \(first: line 2\)"),
        (_rows("the", "", "cat", "dog"), r"a word that is blank, 1 \(first: line 2\)"),
        (_rows("the", "the", "cat", "dog"), r"a second time, 1 \(first: line 2\)"),
        (_rows("the", "b 0.1", "cat", "dog"), r"more than 2 numbers, 1 .*line 2"),
        (_rows("the", "x", "cat", "dog").replace(b"x 1.5", b"x nan"), "not finite, 1 .*line 2"),
        (_rows("the", "x", "cat", "dog").replace(b"x 1.5", b"x y"), "a number is none, 1 .*line 2"),
        (_rows("the", "x", "cat", "dog").replace(b"x 1.5 2.5", b"x 1"), "not a word and 2 numbers"),
        (b"5 2\n" + _rows("the", " ", "cat", "dog"), r"off by one, 1 \(first: 5 promised, 4"),
    ],
)
def test_an_odd_row_is_skipped_with_one_warning(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(content)
    with pytest.warns(SkippedRowsWarning, match=rf"vectors: rows skipped: .*({said})") as caught:
        found = load_word_vectors(path)
    assert len(caught) == 1
    assert {*_KEPT} <= {*found.words} <= {*_KEPT, "x"}
    for word, row in _KEPT.items():
        assert found.vectors[found.words.index(word)].tolist() == [row + 0.5, row + 1.5]
    with pytest.raises(ValueError, match=rf"vectors: .*({said})"):
        load_word_vectors(path, strict=True)


@pytest.mark.parametrize(
    "word",
    [" cat", ". . .", "New York", "1 000", "catch 22", "black nan", "\u00a0", "\u3000", "\x0c",
     "\x0b", "\x1c", "a\rb", "a\u0085b", "\u2028", "400", "1.5"],
)  # fmt: skip
def test_odd_words_have_their_own_vectors(tmp_path: Path, word: str) -> None:
    """A word that begins with a blank does not take the vector of the word behind it."""
    path = tmp_path / "vectors"
    for content in (_rows("the", word, "cat"), b"3 2\n" + _rows("the", word, "cat")):
        path.write_bytes(content)
        found = load_word_vectors(path, strict=True)
        assert found.words == ("the", word, "cat")
        np.testing.assert_array_equal(found.vectors, [[0.5, 1.5], [1.5, 2.5], [2.5, 3.5]])


@pytest.mark.parametrize("word", [". . .", "New York", "catch 22", "1.5"])
def test_an_odd_word_may_be_the_first(tmp_path: Path, word: str) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(_rows(word, "the", "cat"))
    for dimension in (None, 2):
        found = load_word_vectors(path, dimension=dimension, strict=True)
        assert found.words == (word, "the", "cat")


@pytest.mark.parametrize("header", [b"3 2", b"3\t2", b"3  2", b"\xef\xbb\xbf3 2", b"3 2 \r"])
def test_headers_are_read_as_people_write_them(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(header + b"\n" + _rows("the", "dog", "cat"))
    assert load_word_vectors(path, strict=True).words == ("the", "dog", "cat")


def test_a_byte_order_mark_is_no_part_of_the_first_word(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(b"\xef\xbb\xbf" + _rows("the", "dog"))
    assert load_word_vectors(path, strict=True).words == ("the", "dog")


def test_what_lies_beside_the_vectors_in_a_zip_archive_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "vectors.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("v.2d.txt", _rows("the", "dog"))
        archive.writestr("__MACOSX/._v.2d.txt", b"\0\5\x16\7" * 20)
        archive.writestr("v/README.txt", b"of 2d vectors")
    for dimension in (None, 2):
        assert load_word_vectors(path, dimension=dimension).words == ("the", "dog")


def test_a_binary_file_may_lack_its_last_word(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    vectors = _example()
    for write in (_word2vec_binary, _gensim_binary):
        path.write_bytes(write(vectors).replace(b"5 4", b"6 4"))
        with pytest.warns(SkippedRowsWarning, match="off by one"):
            _assert_same(load_word_vectors(path), vectors)


def test_rows_that_nobody_asks_for_may_be_odd_in_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(b"the 1 2\nbad nan 1\nworse x y\n")
    assert load_word_vectors(path, ["the"], strict=True).vectors.tolist() == [[1, 2]]


def test_a_tar_archive_is_no_file_of_word_vectors(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "vectors", ".tar.gz", {"v.txt": _rows("the", "dog")})
    with pytest.raises(ValueError, match="holds no word vectors"):
        load_word_vectors(path)


def test_another_dimension_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_bytes(_glove(_example()))
    with pytest.raises(ValueError, match="have 4 numbers, not 100"):
        load_word_vectors(path, dimension=100)


@pytest.mark.parametrize(
    ("words", "vectors", "message"),
    [
        (("a",), np.zeros((2, 3), dtype=np.float32), r"shape \(1, dimension\)"),
        (("a",), np.zeros(3, dtype=np.float32), r"shape \(1, dimension\)"),
        (("a", "a"), np.zeros((2, 3), dtype=np.float32), "differ"),
        (("a", "b"), np.array([[0], [np.nan]], dtype=np.float32), "'b' is not"),
    ],
)
def test_word_vectors_that_do_not_fit_are_refused(
    words: tuple[str, ...], vectors: NDArray[np.float32], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        WordVectors(words, vectors)


def test_the_matrix_holds_known_vectors_and_drawn_ones() -> None:
    known = tuple(f"known{number}" for number in range(400))
    unknown = [f"unknown{number}" for number in range(400)]
    drawn = np.random.default_rng(2).normal(0, 0.4, size=(len(known), 50)).astype(np.float32)
    vectors = WordVectors(known, drawn)
    vocabulary = Vocabulary([*unknown, *known])
    matrix = vectors.matrix(vocabulary, seed=3)
    assert matrix.shape == (802, 50)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix[PAD], 0)
    assert matrix[UNK].any()
    np.testing.assert_array_equal(matrix[vocabulary.encode(known)], drawn)
    guessed = matrix[vocabulary.encode(unknown)].astype(np.float64)
    assert abs(guessed.mean()) < 0.02
    assert abs(guessed.std() / drawn.std() - 1) < 0.05
    assert len(np.unique(guessed, axis=0)) == len(unknown)


def test_the_draw_of_a_word_depends_on_word_and_seed_alone() -> None:
    vectors = _example()
    one = Vocabulary(["the", "new", "film", "word"])
    other = Vocabulary(["word", "film", "another", "the", "new"])
    ours, theirs = vectors.matrix(one, seed=1), vectors.matrix(other, seed=1)
    for word in ("<pad>", "<unk>", "the", "film", "new", "word"):
        np.testing.assert_allclose(ours[one.encode([word])], theirs[other.encode([word])], 1e-6)
    np.testing.assert_array_equal(ours, vectors.matrix(one, seed=1))
    assert not np.array_equal(
        ours[one.encode(["new"])], vectors.matrix(one, 2)[one.encode(["new"])]
    )


def test_a_vocabulary_without_a_known_word_is_refused() -> None:
    with pytest.raises(ValueError, match="no word of the vocabulary has a vector"):
        _example().matrix(Vocabulary(["nothing"]))


@pytest.mark.parametrize(
    "file", ["glove.6B.50d.txt", "glove.6B.50d.txt.gz", "glove.6B.50d.small.txt.xz", "glove.6B.zip"]
)
def test_local_glove_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    monkeypatch.delenv("NULLCLINE_DATA", raising=False)
    content = _glove(_example(50))
    path = tmp_path / file
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("glove.6B.50d.txt", content)
            archive.writestr("glove.6B.100d.txt", _glove(_example(100)))
    else:
        compressed = {".gz": gzip.compress(content), ".xz": lzma.compress(content)}
        path.write_bytes(compressed.get(path.suffix, content))
    (tmp_path / "glove.6B.300d.txt").write_bytes(_glove(_example(300)))
    found = load_vectors_for_corpus("imdb", ["film"], data_dir=tmp_path, dimension=50)
    assert found.words == ("film",)
    assert found.dimension == 50


def test_glove_has_certain_dimensions_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dimension must be one of"):
        load_vectors_for_corpus("imdb", [], data_dir=tmp_path, dimension=64)
