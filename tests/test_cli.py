"""The command line, run as a user runs it: on a small corpus, with and without mistakes."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import nullcline as nc
from nullcline._support.folder_lock import locked
from nullcline.cli import main
from nullcline.study.results import NetworkAnalysis
from nullcline.training import load_checkpoint
from testing.full_disk import files_of_at_most
from testing.tiny_study import NEUTRAL, WORDS, tiny_corpus

if TYPE_CHECKING:
    from pathlib import Path

SMALL = ["--hidden-size", "6", "--epochs", "2", "--quiet"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a corpus, `reviews.csv`, and word vectors for it."""
    folder = tmp_path_factory.mktemp("data")
    corpus = tiny_corpus()
    with (folder / "reviews.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        for name in ("train", "test"):
            split = getattr(corpus, name)
            writer.writerows(
                [text, label, name] for text, label in zip(split.texts, split.labels, strict=True)
            )
    rng = np.random.default_rng(0)
    words = [*NEUTRAL, *WORDS[0], *WORDS[1]]
    (folder / "glove.6B.100d.txt").write_text(
        "".join(f"{word} {' '.join(f'{v:.4f}' for v in rng.normal(size=100))}\n" for word in words)
    )
    return folder


@pytest.fixture(scope="module")
def corpus(data: Path) -> list[str]:
    return ["--corpus", str(data / "reviews.csv"), "--data-dir", str(data)]


@pytest.fixture(scope="module")
def reproduction(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    out = tmp_path_factory.mktemp("study") / "reproduction"
    arguments = ["reproduce", "--out", str(out), "--layers", "2", "1", "--starts", "20"]
    assert main([*arguments, *corpus, *SMALL]) == 0
    return out


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory, corpus: list[str]) -> Path:
    out = tmp_path_factory.mktemp("training") / "run"
    assert main(["train", "--out", str(out), *corpus, *SMALL]) == 0
    return out


# reproduce


def test_a_reproduction_holds_all_that_it_promises(reproduction: Path) -> None:
    results = json.loads((reproduction / "results.json").read_text("utf-8"))
    assert results["settings"]["layers"] == [1, 2]
    assert [network["n_layers"] for network in results["networks"]] == [1, 2]
    assert results["versions"]["numpy"] == np.__version__
    for depth, network in zip((1, 2), results["networks"], strict=True):
        found = load_checkpoint(reproduction / "networks" / f"{depth}-layer")
        assert network["checkpoint_sha256"] == found.sha256
    for network in results["networks"]:
        for layer in network["layers"]:
            search = layer["search"]
            assert search["fixed"] + search["slow"] + search["unconverged"] == 20
            assert search["largest_coordinate"] < 1
    names = {"1a", "1b", "1c", "5", "7", "8", "9", "10"}
    files = {f"figure-{name}.{ending}" for name in names for ending in ("png", "svg")}
    drawn = {path.name for path in (reproduction / "figures").iterdir()}
    assert files < drawn
    # The others are of what the linearization explains, as far as points were found.
    assert all(re.match(r"figure-[12]-layer-\w+(-\d)?\.(png|svg)", name) for name in drawn - files)


def test_the_page_needs_no_other_file(reproduction: Path) -> None:
    page = (reproduction / "index.html").read_text("utf-8")
    sources = re.findall(r'<(?:img|script|link)[^>]*(?:src|href)="([^"]{0,40})', page)
    assert len(sources) == len(list((reproduction / "figures").glob("*.png"))) > 8
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    results = json.loads((reproduction / "results.json").read_text("utf-8"))
    tables = ("claims", "line_attractor_claims", "class_claims", "context_claims")
    untested = [claim for table in tables for claim in results[table] if claim["agrees"] is None]
    assert page.count("not tested") == len(untested)
    for link in re.findall(r'<a href="([^"]*)"', page):
        within = link.startswith("#")
        assert f'id="{link[1:]}"' in page if within else (reproduction / link).is_file()


def test_resuming_redoes_nothing(reproduction: Path, corpus: list[str]) -> None:
    def written() -> dict[str, int]:
        files = (reproduction / "networks").rglob("*")
        return {str(path): path.stat().st_mtime_ns for path in files if path.is_file()}

    before = written()
    arguments = ["reproduce", "--out", str(reproduction), "--layers", "1", "2", "--starts", "20"]
    assert main([*arguments, "--resume", *corpus, *SMALL]) == 0
    assert written() == before


def test_results_are_not_overwritten(
    reproduction: Path, corpus: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reproduce", "--out", str(reproduction), *corpus, *SMALL]) == 1
    errors = capsys.readouterr().err
    assert "holds results already" in errors
    assert errors.count("\n") == 1


def test_other_settings_do_not_mix(
    reproduction: Path, corpus: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["reproduce", "--out", str(reproduction), "--layers", "1", "--resume", *corpus]
    assert main([*arguments, *SMALL, "--seed", "5"]) == 1
    assert "seed" in capsys.readouterr().err


def test_a_damaged_analysis_is_told_and_made_again(
    reproduction: Path, corpus: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = reproduction / "networks" / "1-layer"
    path = folder / "analysis.npz"
    whole, weights = path.read_bytes(), (folder / "weights.safetensors").stat().st_mtime_ns
    path.write_bytes(whole[:500])
    arguments = ["reproduce", "--out", str(reproduction), "--layers", "1", "2", "--starts", "20"]
    small = [word for word in SMALL if word != "--quiet"]
    assert main([*arguments, "--resume", *corpus, *small]) == 0
    assert f"{path} is damaged or gone: 1-layer GRU of 6 units" in capsys.readouterr().err
    assert NetworkAnalysis.load(path).n_layers == 1
    assert (folder / "weights.safetensors").stat().st_mtime_ns == weights


def test_a_damaged_analysis_of_an_earlier_build_is_named(
    reproduction: Path, tmp_path: Path, corpus: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(reproduction, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "networks" / "1-layer"
    (folder / "job.json").unlink()  # which earlier builds wrote none of
    (folder / "analysis.npz").write_bytes(b"no archive")
    arguments = ["reproduce", "--out", str(tmp_path), "--layers", "1", "--starts", "20"]
    assert main([*arguments, "--resume", *corpus, *SMALL]) == 1
    assert "analysis.npz is not an analysis, or it is damaged" in capsys.readouterr().err


# train and find


def test_find_reads_what_train_wrote(
    tmp_path: Path, data: Path, corpus: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run, out = tmp_path / "run", tmp_path / "points"
    assert main(["train", "--out", str(run), "--layers", "2", *corpus, *SMALL]) == 0
    assert "test accuracy" in capsys.readouterr().out
    arguments = ["find", str(run), "--out", str(out), "--starts", "15", "--quiet"]
    assert main([*arguments, *corpus]) == 0
    assert capsys.readouterr().out.count("15 starts") == 2
    assert [len(nc.FixedPoints.load(out / f"layer-{i}.npz")) for i in (1, 2)] == [15, 15]
    # Points are replaced on request alone, and then all of them.
    shutil.copy(out / "layer-1.npz", out / "layer-3.npz")
    arguments[arguments.index("15")] = "7"
    assert main([*arguments, *corpus]) == 1
    assert f"{out} holds points already; replace them (--overwrite)" in capsys.readouterr().err
    assert main([*arguments, *corpus, "--overwrite"]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["layer-1.npz", "layer-2.npz"]
    assert len(nc.FixedPoints.load(out / "layer-1.npz")) == 7


def test_train_does_not_overwrite(
    tmp_path: Path, corpus: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["train", "--out", str(tmp_path / "run"), *corpus, *SMALL]
    assert main(arguments) == 0
    capsys.readouterr()
    assert main(arguments) == 1
    assert "--resume" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0


def test_a_killed_training_goes_on(tmp_path: Path, corpus: list[str]) -> None:
    """SIGKILL leaves no half-written file, and resuming ends as an undisturbed run does."""
    options = [*corpus, "--hidden-size", "6", "--epochs", "12", "--quiet"]
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    script = """
import os, signal, sys
from pathlib import Path
from nullcline.cli import main
replace = Path.replace
def killed(temporary, target):
    replace(temporary, target)
    if Path(target).stem == "progress":
        os.kill(os.getpid(), signal.SIGKILL)
Path.replace = killed
main()
"""
    arguments = ["train", "--out", str(killed), *options]
    ended = subprocess.run([sys.executable, "-c", script, *arguments], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not (killed / "settings.json").exists()
    assert main([*arguments, "--resume"]) == 0
    assert main(["train", "--out", str(whole), *options]) == 0
    name = "weights.safetensors"
    assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert {path.name for path in killed.iterdir()} == {path.name for path in whole.iterdir()}


def test_data_fetch_finds_local_copies(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = data / "trainDevTestTrees_PTB.zip"
    copy.write_bytes(b"as good as any")
    assert main(["data", "fetch", "sst", "--data-dir", str(data), "--quiet"]) == 0
    assert capsys.readouterr().out == f"{copy}\n"


# What everyone meets first


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"nullcline {nc.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["guess"],
        ["reproduce", "--layers"],
        ["train", "--epochs", "many"],
        ["find"],
        ["data"],
        ["data", "fetch", "reuters"],
        ["find", "x", "--method", "magic"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage: nullcline" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--corpus", "no-such.csv"], "no-such.csv"),
        (["train", "--corpus", "guardian"], "or the path of a CSV file, not 'guardian'"),
        (["train", "--epochs", "0"], "--epochs must be at least 1"),
        (["train", "--layers", "0"], "--layers must be at least 1"),
        (["train", "--train-size", "5000"], "--train-size 5000 is more than the corpus has"),
        (["train", "--classes", "9"], "--classes must be"),
        (["train", "--data-dir", "nowhere", "--corpus", "sst"], "--data-dir must name a folder"),
        (["train", "--device", "toaster"], "toaster"),
        (["reproduce", "--layers", "0"], "--layers must be at least 1"),
        (["reproduce", "--train-sizes", "0"], "--train-sizes must be None or at least 1"),
        (["reproduce", "--starts", "0"], "--starts must be at least 1"),
        (["reproduce", "--tol-slow", "-1"], "--tol-slow must be finite and not negative"),
        (["reproduce", "--threads", "0"], "--threads must lie between 1 and"),
        (["find", "nowhere"], "nowhere"),
        (["find", "nowhere", "--device", "tpu"], "--device must be cpu, cuda or cuda:N, not 'tpu'"),
    ],
)
def test_errors_are_one_clear_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "--quiet"]) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("nullcline: ")
    assert message in errors
    assert errors.count("\n") == 1


def test_a_gpu_that_is_not_there_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("nullcline.gpu.availability._ready", None)
    monkeypatch.setitem(sys.modules, "nullcline._native._cuda", None)
    assert main(["find", "nowhere", "--device", "cuda", "--quiet"]) == 1
    assert "CudaUnavailableError: nullcline was built without CUDA" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_signals_end_a_command_with_what_is_kept(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
    code: int,
    word: str,
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr("nullcline.text.load_corpus", interrupt)
    assert main(["train", "--quiet"]) == code
    assert capsys.readouterr().err == (
        f"nullcline: {word}; what was finished is kept: go on with the same command and --resume\n"
    )
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


# What a disk, another process or another file does to a command


@pytest.mark.parametrize("command", ["train", "reproduce", "find"])
def test_a_folder_in_use_is_refused(
    command: str,
    tmp_path: Path,
    network: Path,
    corpus: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    words = [str(network)] if command == "find" else ["--hidden-size", "6", "--epochs", "1"]
    with locked(out, "out"):
        assert main([command, *words, "--out", str(out), *corpus, "--quiet"]) == 1
        assert [path.name for path in out.iterdir()] == [".lock"]
    said = capsys.readouterr().err
    assert said.startswith(f"nullcline: {out}: another process ({os.getpid()}) is writing to this")
    assert said.endswith("or choose another folder by --out\n")


@pytest.mark.parametrize("command", ["train", "find"])
def test_a_full_disk_is_told_in_a_sentence_and_leaves_what_was_there(
    command: str,
    tmp_path: Path,
    network: Path,
    corpus: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    if command == "find":
        name, option = "layer-1.npz", "--overwrite"
        words = [str(network), option]
        out.mkdir()
        (out / name).write_bytes(b"old points")
    else:
        name, option = "untrained.safetensors", "--resume"
        words = ["--hidden-size", "6", "--epochs", "1"]
    with files_of_at_most(1000):
        assert main([command, *words, "--out", str(out), *corpus, "--quiet"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"nullcline: {out / name}: File too large; ")
    assert option in said
    assert said.count("\n") == 1
    assert not list(tmp_path.rglob(".*"))
    if command == "find":
        assert [(path.name, path.read_bytes()) for path in out.iterdir()] == [(name, b"old points")]


def test_output_that_nobody_takes_is_told(network: Path, corpus: list[str]) -> None:
    command = "import sys; from nullcline.cli import main; sys.exit(main())"
    words = ["train", "--resume", "--out", str(network), *corpus, *SMALL]
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        ended = subprocess.run(
            [sys.executable, "-c", command, *words],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.startswith("nullcline: standard output: No space left on device; ")
    assert ended.stderr.count("\n") == 1


def test_a_corpus_that_changed_is_another_run(
    tmp_path: Path, network: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (data / "reviews.csv").read_text("utf-8")
    changed = tmp_path / "reviews.csv"
    changed.write_text(re.sub("film", "story", text), "utf-8")
    corpus = ["--corpus", str(changed), "--data-dir", str(data)]
    assert main(["train", "--resume", "--out", str(network), *corpus, *SMALL]) == 1
    assert "holds a run on other reviews: what reviews.csv holds has changed" in (
        capsys.readouterr().err
    )


def test_a_missing_package_is_named_with_its_mend(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("nullcline.training")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["train", "--quiet"]) == 1
    assert "pip install 'nullcline[study]'" in capsys.readouterr().err
