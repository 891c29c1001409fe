"""`nullcline explain`, as a user runs it, with and without mistakes."""

from __future__ import annotations

import csv
import io
import re
import shutil
from typing import TYPE_CHECKING

import pytest

from nullcline.cli import main
from nullcline.explanation import explain
from nullcline.explanation.terminal import plain
from nullcline.training import load_checkpoint
from testing.tiny_study import tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

CORPUS = tiny_corpus()
TEXT = "the film was great and the story bad"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "reviews.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        for name in ("train", "test"):
            split = getattr(CORPUS, name)
            for text, label in zip(split.texts, split.labels.tolist(), strict=True):
                writer.writerow([text, CORPUS.classes[label], name])
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, data: Path) -> str:
    out = str(tmp_path_factory.mktemp("training") / "run")
    small = ["--hidden-size", "6", "--epochs", "1", "--vectors", "random", "--quiet"]
    assert main(["train", "--out", out, "--corpus", str(data), *small]) == 0
    return out


@pytest.fixture
def corpus(data: Path) -> list[str]:
    return ["--corpus", str(data)]


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "why.html"


def test_a_text_is_explained_on_the_terminal_and_on_a_page(
    network: str, page: Path, corpus: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", network, TEXT, "good", "--out", str(page), "--quiet", *corpus]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "The logit of positive against negative is" in said.out
    assert "The bag of words" in said.out
    assert said.out.splitlines()[-1] == str(page)
    assert page.read_text("utf-8").count("<article") == 2


def test_the_corpus_is_read_once(
    network: str,
    page: Path,
    corpus: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["explain", network, TEXT, "--out", str(page), "--quiet"]
    assert main([*arguments, *corpus]) == 0
    monkeypatch.setattr("nullcline.text.load_corpus", pytest.fail)
    assert main(arguments) == 0
    assert "The bag of words" in capsys.readouterr().out


def test_texts_come_from_a_file_or_from_the_input(
    network: str,
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "texts.txt"
    file.write_text(f"\ufeff{TEXT}\r\n\n  good film\n", "utf-8")
    common = ["--out", str(page), "--quiet", "--without-corpus"]
    assert main(["explain", network, "--file", str(file), *common]) == 0
    assert page.read_text("utf-8").count("<article") == 2
    assert "No bag of words" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"good\nbad\ndull\n"), "ascii"))
    assert main(["explain", network, "--file", "-", *common]) == 0
    assert page.read_text("utf-8").count("<article") == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"caf\xe9 good\n", "standard input is not text in UTF-8"), (b"\n", "standard input has no")],
)
def test_an_input_that_is_no_text_is_refused_whatever_the_locale(
    network: str,
    page: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    message: str,
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(content), "ascii", "surrogateescape")  # as under LC_ALL=C
    monkeypatch.setattr("sys.stdin", stdin)
    common = ["--out", str(page), "--quiet", "--without-corpus"]
    assert main(["explain", network, "--file", "-", *common]) == 1
    assert message in capsys.readouterr().err
    assert not page.exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_explanation_is_told_in_the_letters_that_there_are(
    network: str, page: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    words = ["good", "\N{GRINNING FACE}", "\N{HEBREW LETTER SHIN}", "it’s"]
    shown = {}
    for name in ("utf-8", encoding):
        stdout = io.TextIOWrapper(io.BytesIO(), name, "strict")
        with monkeypatch.context() as patched:
            patched.setattr("sys.stdout", stdout)
            arguments = ["explain", network, " ".join(words), "--out", str(page), "--quiet"]
            assert main([*arguments, "--without-corpus"]) == 0
        stdout.seek(0)
        shown[name] = stdout.read()
    assert "−" in shown["utf-8"]
    numbers = [re.findall(r"[-+]\d\.\d\d", text.replace("−", "-")) for text in shown.values()]
    assert len(numbers[0]) > 4
    assert numbers[0] == numbers[1]


def test_a_corpus_that_is_gone_is_asked_for(
    network: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = data.rename(tmp_path / "moved.csv")
    try:
        for command in (["find", network, "--out", "points"], ["explore", network]):
            assert main([*command, "--quiet"]) == 1
            errors = capsys.readouterr().err
            assert f"{data.name}: No such file" in errors
            assert f"{network} was trained on it: say where it is now (--corpus)" in errors
    finally:
        moved.rename(data)


def test_lines_fit_a_narrow_terminal_without_colours(network: str) -> None:
    [found] = explain(network, TEXT)
    assert max(map(len, plain(found, 40).splitlines())) <= 40


def test_mistakes_of_the_corpus_are_explained(
    network: str, tmp_path: Path, corpus: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "folder"
    assert main(["explain", network, "--misclassified", "3", "--out", str(out), *corpus]) == 0
    said = capsys.readouterr()
    rows = [
        int(line.split()[2].rstrip(":"))
        for line in said.out.splitlines()
        if line.startswith("test text ")
    ]
    assert len(rows) == said.out.count("but wrong: it is") == 3
    checkpoint = load_checkpoint(network)
    assert checkpoint.test_accuracy < 1
    assert (out / "explanation.html").is_file()
    assert "explain" in said.err  # a progress bar


def test_without_the_corpus_it_goes_on_and_says_so(
    network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(network, copy, ignore=shutil.ignore_patterns("background.npz"))
    arguments = ["explain", str(copy), "--corpus", str(tmp_path / "gone.csv"), "--quiet"]
    arguments += ["--out", str(tmp_path / "page.html")]
    assert main([*arguments, TEXT]) == 0
    said = capsys.readouterr()
    assert "the corpus is not at hand" in said.err
    assert "No bag of words" in said.out
    assert main([*arguments, "--misclassified", "1"]) == 1
    assert "gone.csv" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "name a text"),
        (["--misclassified", "1", "--without-corpus"], 2, "needs the corpus"),
        (["--misclassified", "0"], 1, "--misclassified must lie"),
        (["good", "--class", "nice"], 1, "--class must be one of 0 (negative), 1 (positive)"),
        (["good", "--replacements", "zzz"], 1, "--replacements must be words"),
        (["--file", "gone.txt"], 1, "gone.txt"),
    ],
)
def test_mistakes_of_the_user_are_one_line(
    network: str,
    tmp_path: Path,
    corpus: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        ended = main(["explain", network, *arguments, "--quiet", *corpus])
    except SystemExit as exit_:
        ended = int(exit_.code or 0)
    assert ended == code
    errors = capsys.readouterr().err
    assert message in errors
    if code == 1:
        assert errors.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_files_that_are_no_texts_or_no_pages_are_refused(
    network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "odd.txt"
    for content, message in ((b"\xff\xfe\x00", "UTF-8"), (b"\n \n", "has no text")):
        odd.write_bytes(content)
        assert main(["explain", network, "--file", str(odd), "--out", str(tmp_path)]) == 1
        assert message in capsys.readouterr().err
    page = tmp_path / "page.html"
    page.write_text("mine")
    assert main(["explain", network, TEXT, "--out", str(page)]) == 1  # before anything is read
    assert "choose another by --out" in capsys.readouterr().err
    assert page.read_text() == "mine"
    assert main(["explain", str(tmp_path), TEXT, "--out", str(tmp_path / "new.html")]) == 1
    assert "no finished training run" in capsys.readouterr().err


def test_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["explain", "--help"])
    assert "--misclassified 5" in capsys.readouterr().out
