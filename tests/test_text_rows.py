"""Yelp's reviews and AG's news, from small archives in their authors' format, sound and not."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nullcline.cli import main
from nullcline.study.networks import network_jobs
from nullcline.text import load_corpus, load_vectors_for_corpus, tokenize
from nullcline.text.corpora import classes_of, is_drawn
from nullcline.text.escapes import plain_news, plain_review
from nullcline.training import load_checkpoint
from testing.text_samples import (
    FORMATS,
    SAMPLES,
    YELP_FULL,
    YELP_POLARITY,
    expect_samples,
    write_sample,
)

if TYPE_CHECKING:
    from pathlib import Path

    from nullcline.text import Corpus

NAMES = ("yelp-polarity", "yelp-full", "ag-news")


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NULLCLINE_DATA", raising=False)
    expect_samples(monkeypatch)


def _read(folder: Path, name: str, suffix: str = ".tgz", **changed: bytes | None) -> Corpus:
    """Return the corpus of a sample some of whose files, by their stems, are changed or gone."""
    files = dict(SAMPLES[name])
    top = next(iter(files)).split("/")[0]
    for stem, content in changed.items():
        if content is None:
            del files[f"{top}/{stem}.csv"]
        else:
            files[f"{top}/{stem}.csv"] = content
    write_sample(folder, name, suffix, files)
    return load_corpus(name, data_dir=folder, progress=False)


@pytest.mark.parametrize("suffix", FORMATS)
def test_reviews_of_two_classes_are_read_from_every_format(tmp_path: Path, suffix: str) -> None:
    corpus = _read(tmp_path, "yelp-polarity", suffix)
    assert corpus.classes == ("negative", "positive")
    assert corpus.train.texts == (
        'Not "good", they said.\nNever again!',
        "Crème brûlée, jalapeños \N{TACO}",
        "A 50/50 chance; C:\\new",
        "",
    )
    assert corpus.train.labels.tolist() == [0, 1, 1, 0]
    assert corpus.test.texts == ('Good, "very" good', "Bad")
    assert corpus.test.labels.tolist() == [1, 0]


@pytest.mark.parametrize("suffix", FORMATS)
def test_reviews_of_five_classes_are_read_from_every_format(tmp_path: Path, suffix: str) -> None:
    corpus = _read(tmp_path, "yelp-full", suffix)
    assert corpus.classes == ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
    for split in (corpus.train, corpus.test):
        for text, label in zip(split.texts, split.labels.tolist(), strict=True):
            assert text.endswith(f": {label + 1} of 5")
    np.testing.assert_array_equal(np.bincount(corpus.train.labels), [2] * 5)


@pytest.mark.parametrize("suffix", FORMATS)
def test_news_of_four_classes_are_read_from_every_format(tmp_path: Path, suffix: str) -> None:
    corpus = _read(tmp_path, "ag-news", suffix)
    assert corpus.classes == ("World", "Sports", "Business", "Sci/Tech")
    assert corpus.train.texts[:4] == (
        "Oil near \n$50\nReuters - Oil prices soared\nnearly,  ... ",
        'IBM <IBM.N> wins\nIt\'s "big"; R&D costs $1 bn',
        'Talks, "round two"\nAFP - Talks resumed\n\non Monday',
        "\n",
    )
    assert corpus.train.labels.tolist() == [2, 3, 0, 1, 2, 3, 0, 1]
    assert corpus.test.labels.tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize("name", NAMES)
def test_the_folder_that_the_environment_names_is_looked_through(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample(tmp_path, name, ".tar.xz", SAMPLES[name])
    monkeypatch.setenv("NULLCLINE_DATA", str(tmp_path))
    assert len(load_corpus(name, progress=False).test) == classes_of(name)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("AG_NEWS", "ag-news"),
        ("agnews", "ag-news"),
        ("yelp_polarity", "yelp-polarity"),
        ("yelp_review_full", "yelp-full"),
        ("YELP-review-polarity", "yelp-polarity"),
    ],
)
def test_other_spellings_of_a_name_mean_the_same_corpus(
    given: str, name: str, tmp_path: Path
) -> None:
    write_sample(tmp_path, name, ".zip", SAMPLES[name])
    assert load_corpus(given, data_dir=tmp_path, progress=False).name == name
    assert not is_drawn(given)


def test_a_csv_file_may_have_the_name_of_a_corpus(tmp_path: Path) -> None:
    path = tmp_path / "ag_news.csv"
    path.write_text("text,label\na,1\nb,0\nc,1\nd,0\n")
    assert load_corpus(path).name == "ag_news.csv"
    assert is_drawn(path)


def test_reviews_with_escapes_are_cut_into_words() -> None:
    assert tokenize(plain_review(r"Great.\nWe \"loved\" it\/them")) == (
        ["great", ".", "we", '"', "loved", '"', "it", "/", "them"]
    )
    assert tokenize(
        plain_news(r"rose\near  #36;2, it #39;s &lt;A HREF=\"x\"&gt;said&lt;/A&gt;")
    ) == ["rose", "near", "$", "2", ",", "it", "'s", "said"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("<b>Oil</b> up", " Oil  up"),
        ("&lt;b&gt;Oil&lt;/b&gt; up", " Oil  up"),
        ("<A.N> & up", "<A.N> & up"),
    ],
)
def test_tags_are_left_out_however_they_are_written(text: str, plain: str) -> None:
    assert plain_news(text) == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r"a\\nb", r"a\nb"),
        (r"\ud83c\udf2e \ud83c!", "\N{TACO} �!"),
        (r"tail\ ", r"tail\ "),
        (r"a\qb\u12", r"a\qb\u12"),
    ],
)
def test_escapes_of_json_are_undone_once_and_others_left(text: str, plain: str) -> None:
    assert plain_review(text) == plain


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (b'"1","a"\n"2","b"\n"2","c"\n', r"1 texts of class 1 in train\.csv, not 2: it is cut"),
        (b'"1","a"\n"0","b"\n', r"train\.csv, line 2: the class must be from 1 to 2, not '0'"),
        (b'"1","a"\n"3","b"\n', r"train\.csv, line 2: the class must be from 1 to 2, not '3'"),
        (b'"one","a"\n', "line 1: the class must be from 1 to 2, not 'one'"),
        (b'"1","a"\n"2","b","c"\n', "line 2: 3 columns, where there must be class, text: 2"),
        (b'"1","a"\n"2"\n', "line 2: 1 columns, where there must be class, text: 2"),
        (b'"1","a"\n"2","b', "line 2: unexpected end of data"),
        (b'"1","a"\n"2","b"c"\n', "line 2: .*expected after"),
        ('"1","é"\n'.encode("latin-1"), r"train\.csv is not UTF-8 text"),
        ('"1","é"\n'.encode("utf-16"), r"train\.csv is not UTF-8 text"),
        (b'"1","' + b"a" * (1 << 24) + b'"\n', "line 1: more than 16,777,216 long"),
        (b"", r"0 texts of class 1 in train\.csv, not 2"),
        (None, r"holds no train\.csv: it is cut short or not this corpus"),
    ],
)
@pytest.mark.parametrize("suffix", [".tgz", ".zip", ""])
def test_rows_that_are_not_as_they_should_be_are_refused(
    tmp_path: Path, suffix: str, train: bytes | None, message: str
) -> None:
    with pytest.raises(ValueError, match=rf"yelp_review_polarity_csv.*{message}"):
        _read(tmp_path, "yelp-polarity", suffix, train=train)


def test_news_without_a_description_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 columns, where there must be class, title, desc"):
        _read(tmp_path, "ag-news", test=b'"1","title"\n')


def test_a_second_file_of_a_name_is_refused(tmp_path: Path) -> None:
    twice = YELP_FULL | {"copy/train.csv": YELP_FULL["yelp_review_full_csv/train.csv"]}
    write_sample(tmp_path, "yelp-full", ".tgz", twice)
    with pytest.raises(ValueError, match=r"holds a second train\.csv, copy/train\.csv: remove"):
        load_corpus("yelp-full", data_dir=tmp_path, progress=False)


def test_the_classes_are_the_corpuss_own_where_none_are_given(tmp_path: Path) -> None:
    for name, classes in (("yelp-polarity", 2), ("yelp-full", 5), ("ag-news", 4)):
        assert classes_of(name) == classes
        write_sample(tmp_path, name, ".tgz", SAMPLES[name])
        assert len(load_corpus(name, data_dir=tmp_path, progress=False).classes) == classes
        with pytest.raises(ValueError, match=f"classes must be {classes} for {name}, not 3"):
            load_corpus(name, data_dir=tmp_path, classes=3, progress=False)


def test_their_words_have_the_vectors_of_glove(tmp_path: Path) -> None:
    (tmp_path / "glove.6B.50d.txt").write_text("oil" + " 0.5" * 50 + "\n")
    vectors = load_vectors_for_corpus(
        "ag-news", ["oil", "bank"], data_dir=tmp_path, dimension=50, progress=False
    )
    assert vectors.words == ("oil",)


def test_an_archive_is_read_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 1_000
    expect_samples(monkeypatch, train=rows, test=1)
    text = "word " * 2_000  # of 10 kB: 20 MB in all
    many = "".join(f'"{1 + row % 2}","{text}{row}"\n' for row in range(2 * rows)).encode()
    write_sample(tmp_path, "yelp-polarity", ".tgz", YELP_POLARITY | {
        "yelp_review_polarity_csv/train.csv": many
    })  # fmt: skip
    tracemalloc.start()
    corpus = load_corpus("yelp-polarity", data_dir=tmp_path, progress=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(corpus.train) == 2 * rows
    assert peak < 1.4 * len(many)


def test_a_run_has_the_classes_of_its_corpus(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sample(tmp_path, "ag-news", ".tgz", SAMPLES["ag-news"])
    out = tmp_path / "run"
    command = [
        "train", "--corpus", "AG_NEWS", "--data-dir", str(tmp_path), "--vectors", "random",
        "--hidden-size", "2", "--embedding-size", "3", "--epochs", "1",
        "--out", str(out), "--quiet",
    ]  # fmt: skip
    assert main(command) == 0
    checkpoint = load_checkpoint(out)
    assert (checkpoint.corpus, checkpoint.settings.classes) == ("ag-news", 4)
    assert checkpoint.model().readout.weight.shape == (4, 2)
    assert main([*command, "--resume"]) == 0
    assert main([*command, "--resume", "--classes", "4"]) == 0
    capsys.readouterr()
    assert main([*command, "--resume", "--classes", "5"]) == 1
    assert "--classes must be 4 for ag-news, not 5" in capsys.readouterr().err


def test_a_sweep_has_the_classes_of_each_corpus(tmp_path: Path) -> None:
    write_sample(tmp_path, "ag-news", ".tgz", SAMPLES["ag-news"])
    jobs = network_jobs({"corpus": ["ag_news", "synthetic"], "seed": [0, 1]}, data_dir=tmp_path)
    training = [job.parameters["network"].parameters["training"] for job in jobs]
    assert [settings.classes for settings in training] == [4, 4, 2, 2]
    assert jobs[0].parameters["corpus_hash"] == jobs[1].parameters["corpus_hash"]
    assert jobs[0].place == "analyses/ag-news/gru-1-layer-256-units-seed-0"
    by_name = network_jobs(
        {"corpus": ["synthetic"], "seed": [0, 1], "classes": [2]}, data_dir=tmp_path
    )
    assert [job.key for job in by_name] == [job.key for job in jobs[2:]]
    with pytest.raises(ValueError, match="classes must be 4 for ag-news, not 2"):
        network_jobs({"corpus": ["ag-news"], "classes": [2]}, data_dir=tmp_path)
