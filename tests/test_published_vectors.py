"""Published word vectors are found by name, in archives as their authors make them."""

from __future__ import annotations

import gzip
import logging
import tracemalloc
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nullcline.study.networks import describe, network_jobs
from nullcline.text import download, load_vectors_for_corpus
from nullcline.text.originals import ORIGINALS
from nullcline.text.pretrained import NAMED_VECTORS
from nullcline.text.published_vectors import PUBLISHED
from nullcline.training import TrainingSettings

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("the", "film", "New_York", "café", "n't")
VECTORS = np.random.default_rng(0).normal(size=(len(WORDS), 300)).round(4).astype(np.float32)


@pytest.fixture(autouse=True)
def _no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(original: Any, **_: Any) -> None:
        raise ConnectionError(f"would fetch {original.file}")

    monkeypatch.delenv("NULLCLINE_DATA", raising=False)
    monkeypatch.setattr(download, "_download", refuse)


def word2vec() -> bytes:
    """As the program of word2vec writes it: 3 million words in the published file."""
    rows = zip(WORDS, VECTORS, strict=True)
    return b"5 300\n" + b"".join(f"{w} ".encode() + v.tobytes() + b"\n" for w, v in rows)


def fasttext() -> bytes:
    rows = zip(WORDS, VECTORS.tolist(), strict=True)
    lines = (f"{word} {' '.join(f'{x:.4f}' for x in row)}\n" for word, row in rows)
    return ("5 300\n" + "".join(lines)).encode()


def write(path: Path, member: str, content: bytes) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, content)
    else:
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.mark.parametrize(
    ("name", "file", "content"),
    [
        ("word2vec-google-news", "GoogleNews-vectors-negative300.bin.gz", word2vec()),
        ("word2vec-google-news", "GoogleNews-vectors-negative300.bin", word2vec()),
        ("word2vec-google-news", "GoogleNews-vectors-negative300.imdb.bin.gz", word2vec()),
        ("fasttext-wiki-news", "wiki-news-300d-1M.vec.zip", fasttext()),
        ("fasttext-wiki-news", "wiki-news-300d-1M.vec", fasttext()),
        ("fasttext-crawl", "crawl-300d-2M.vec.zip", fasttext()),
        ("fasttext-crawl", "crawl-300d-2M.sst.vec.gz", fasttext()),
    ],
)
def test_a_local_copy_is_read_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str, content: bytes
) -> None:
    write(tmp_path / file, file.removesuffix(".zip"), content)
    options: Any = {"dimension": 300, "vectors": name}
    found = load_vectors_for_corpus("sst", ["film", "café", "none"], data_dir=tmp_path, **options)
    assert found.words == ("film", "café")
    np.testing.assert_array_equal(found.vectors, VECTORS[[1, 3]])
    monkeypatch.setenv("NULLCLINE_DATA", str(tmp_path))
    assert load_vectors_for_corpus("mine.csv", WORDS, **options).words == WORDS


def test_glove_of_every_dimension_has_a_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "glove.6B.zip", "w") as archive:
        for size in (50, 100, 200, 300):
            archive.writestr(f"glove.6B.{size}d.txt", f"film {' '.join(['0.5'] * size)}\n")
    for size in (50, 100, 200, 300):
        found = load_vectors_for_corpus(
            "synthetic", ["film"], data_dir=tmp_path, dimension=size, vectors=f"glove-6b-{size}"
        )
        assert found.dimension == size


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_not_there_is_fetched_from_its_authors_or_a_mirror(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    published = PUBLISHED[name]
    options: Any = {"dimension": published.dimension, "vectors": name}
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(ConnectionError, match=f"would fetch {ORIGINALS[published.original].file}"),
    ):
        load_vectors_for_corpus("sst", ["film"], data_dir=tmp_path, **options)
    assert published.stem in caplog.text


@pytest.mark.parametrize(("name", "size"), [("word2vec-google-news", 300), ("glove-6b-50", 50)])
def test_another_dimension_is_refused_before_anything_is_fetched(name: str, size: int) -> None:
    match = rf"{name} have {size} numbers, not 100; ask for {size} \(embedding_size in training\)"
    with pytest.raises(ValueError, match=match):
        load_vectors_for_corpus("sst", ["film"], vectors=name)


def test_a_copy_of_another_dimension_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wiki-news-300d-1M.vec").write_text("2 3\nfilm 1 2 3\nstory 4 5 6\n")
    with pytest.raises(ValueError, match=r"wiki-news-300d-1M\.vec: .* 3 numbers, not 300"):
        load_vectors_for_corpus(
            "sst", ["film"], data_dir=tmp_path, dimension=300, vectors="fasttext-wiki-news"
        )


def test_an_unknown_name_lists_those_that_are_known() -> None:
    with pytest.raises(FileNotFoundError, match="or one of random, word2vec, fasttext, ") as raised:
        load_vectors_for_corpus("sst", ["film"], vectors="word2vec-google")
    assert all(name in str(raised.value) for name in NAMED_VECTORS)


def test_of_a_large_file_only_the_words_asked_for_are_held(tmp_path: Path) -> None:
    path = tmp_path / "GoogleNews-vectors-negative300.bin"
    row = VECTORS[0].tobytes() + b"\n"
    path.write_bytes(b"20000 300\n" + b"".join(b"word%d " % i + row for i in range(20_000)))
    assert path.stat().st_size > 24_000_000
    tracemalloc.start()
    found = load_vectors_for_corpus(
        "sst", ["word7"], data_dir=tmp_path, dimension=300, vectors="word2vec-google-news"
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.words == ("word7",)
    assert peak < 8_000_000


def test_a_name_is_no_file_to_a_job() -> None:
    names = ["word2vec", "fasttext-crawl"]
    jobs = network_jobs({"vectors": names, "frozen_vectors": [False, True]})
    assert all(job.parameters["vectors"] is None for job in jobs)
    assert len({job.key for job in jobs}) == 4
    settings = TrainingSettings(vectors="fasttext-crawl", frozen_vectors=True)
    assert describe(settings, "sst").endswith("on sst, fasttext-crawl vectors, frozen, seed 0")
