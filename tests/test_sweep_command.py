"""`nullcline sweep`: networks of the study and jobs of one's own, from the shell."""

from __future__ import annotations

import csv
import errno
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nullcline as nc
from nullcline.cli import main
from nullcline.study import finished_runs
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS
from nullcline.study.network_rows import CLAIM
from nullcline.study.network_training import name_of_run
from nullcline.study.networks import network_jobs
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.study.table import table_rows
from nullcline.training import CELLS, TrainingSettings, load_checkpoint
from testing.kills import Moments
from testing.tiny_study import tiny_corpus

SMALL = [
    "--epochs", "4", "--learning-rate", "0.1", "--batch-size", "8", "--dropout", "0",
    "--starts", "6", "--embedding-size", "4", "--reviews", "5", "--sample", "20", "--words", "5",
    "--vectors", "random", "--table", "csv",
]  # fmt: skip
GRID = ["--cells", "gru", "rnn", "--seeds", "0:2", "--hidden-sizes", "3"]


def write_corpus(path: Path, seed: int = 0) -> Path:
    corpus = tiny_corpus(n_train=120, n_test=20, seed=seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        for name in ("train", "test"):
            split = getattr(corpus, name)
            for text, label in zip(split.texts, split.labels, strict=True):
                writer.writerow([text, label, name])
    return path


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_corpus(tmp_path_factory.mktemp("data") / "reviews.csv"))


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, corpus: str) -> Path:
    out = tmp_path_factory.mktemp("sweep") / "out"
    words = ["sweep", "--out", str(out), "--corpora", corpus, *GRID, *SMALL, "--quiet"]
    assert main(words) == 0
    return out


def table(out: Path, name: str = "results") -> list[dict[str, str]]:
    with (out / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_has_the_settings_the_numbers_and_the_verdicts_of_its_network(swept: Path) -> None:
    rows = table(swept)
    assert [(row["cell"], row["seed"]) for row in rows] == [
        ("gru", "0"), ("gru", "1"), ("rnn", "0"), ("rnn", "1"),
    ]  # fmt: skip
    for row in rows:
        name = f"{row['cell']}-1-layer-3-units-seed-{row['seed']}"
        network = NetworkAnalysis.load(next(swept.glob(f"analyses/*/{name}-*/analysis.npz")))
        assert float(row["test_accuracy"]) == network.test_accuracy
        (run,) = swept.glob(f"networks/*/{name}-*")
        assert row["checkpoint_sha256"] == load_checkpoint(run).sha256
        (of_layer,) = table_rows(network)
        for name in ("participation_ratio", "line_length", "words_rho"):
            assert row[name] == ("" if of_layer[name] is None else str(of_layer[name]))
        for claim in LINE_ATTRACTOR_CLAIMS:
            holds = claim.evaluate(network).agrees
            assert row[f"{CLAIM}{claim.name}"] == ("true" if holds else "false")
        # The paper's claims are of one and of three layers, and asked of every cell.
        papers = {name for name in row if name.startswith(f"{CLAIM}1 layer") and row[name]}
        assert len(papers) == 5
        assert not any(row[name] for name in row if name.startswith(f"{CLAIM}3 layers"))


def test_shares_over_seeds_are_those_of_the_rows(swept: Path) -> None:
    rows = table(swept)
    for share in table(swept, "claims"):
        own = [row[f"{CLAIM}{share['claim']}"] for row in rows if row["cell"] == share["cell"]]
        assert int(share["of"]) == 2
        assert int(share["holds"]) == own.count("true")
        assert float(share["low"]) <= float(share["share"]) <= float(share["high"])
    accuracy = [row for row in table(swept, "spreads") if row["number"] == "test_accuracy"]
    assert [row["cell"] for row in accuracy] == ["gru", "rnn"]
    page = (swept / "index.html").read_text("utf-8")
    assert "In how many networks each claim holds" in page


def test_a_sweep_goes_on_and_redoes_nothing(
    swept: Path, corpus: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def written() -> dict[str, int]:
        kept = (*swept.rglob("networks/**/*.*"), *swept.rglob("analyses/**/*.*"))
        return {str(path): path.stat().st_mtime_ns for path in kept}

    before = written()
    assert len(before) >= 4 * 6
    words = ["sweep", "--out", str(swept), "--corpora", corpus, *GRID, *SMALL, "--quiet"]
    assert main(words) == 1
    assert "go on with them (--resume), or choose another" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 0
    assert written() == before
    assert capsys.readouterr().out.startswith("SweepResult(4 jobs: 4 done; 4 rows)\n")


def test_a_network_is_the_one_that_reproduce_makes_of_the_same_seed(
    swept: Path, corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nullcline.study.study.write_page", lambda folder, *_, **__: folder)
    words = ["reproduce", "--out", str(tmp_path), "--corpora", corpus, "--seeds", "1",
             "--hidden-sizes", "3", *SMALL[:-2], "--quiet"]  # fmt: skip
    assert main(words) == 0
    (row,) = json.loads((tmp_path / "results.json").read_text("utf-8"))["rows"]
    assert (row["seed"], row["hidden_size"]) == (1, 3)
    place = tmp_path / "networks" / "reviews.csv" / "gru-3-units-seed-1-1-layer"
    hashed = load_checkpoint(place).sha256
    (same,) = [one for one in table(swept) if one["checkpoint_sha256"] == hashed]
    assert same["participation_ratio"] == str(row["participation_ratio"])
    (folder,) = swept.glob("analyses/*/gru-1-layer-3-units-seed-1-*")
    assert same["seed"] == "1"
    kept = [json.loads((at / "analysis.json").read_text("utf-8")) for at in (place, folder)]
    for one in kept:
        del one["analysis_sha256"]  # of a file that says how long it took
    assert kept[0] == kept[1]


def test_workers_change_no_bit(swept: Path, corpus: str, tmp_path: Path) -> None:
    words = ["--corpora", corpus, "--cells", "gru", "--seeds", "0:2", "--hidden-sizes", "3"]
    out = tmp_path / "out"
    assert main(["sweep", *words, *SMALL, "--out", str(out), "--workers", "2", "--quiet"]) == 0
    for found, expected in zip(table(out), table(swept), strict=False):
        assert {name: expected[name] for name in found} == found
    assert json.loads((next(out.rglob("job.json"))).read_text("utf-8"))["threads"] == 1


def test_a_network_whose_training_fails_is_told_and_the_others_are_done(
    corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sweep", "--corpora", corpus, "--train-sizes", "10", "4000", "--hidden-sizes", "3"]
    assert main([*words, *SMALL, "--out", str(tmp_path), "--quiet"]) == 1
    said = capsys.readouterr()
    assert "1 of the jobs are not done" in said.err
    assert "--train-sizes 4000 is more than the corpus has" in said.err
    assert "the first of them 1-layer GRU of 3 units on reviews.csv, 4000 reviews" in said.err
    assert "it needs the training of a 1-layer GRU" in said.err
    assert "SweepResult(2 jobs: 1 done, 1 not done; 1 rows)" in said.out
    assert [row["n_train"] for row in table(tmp_path)] == ["10"]
    # What failed is kept until it is asked for again, the analysis with its training.
    record = json.loads(next(tmp_path.rglob("*-units-seed-0-*/job.json")).read_text("utf-8"))
    assert record["function"] == "nullcline.study.network_training:train_network"
    jobs = {job["label"]: job["status"] for job in table(tmp_path, "jobs")}
    assert list(jobs.values()).count("done") == 2
    assert {"failed", "not done"} <= set(jobs.values())


def test_a_corpus_that_changed_makes_other_jobs(tmp_path: Path) -> None:
    path = write_corpus(tmp_path / "reviews.csv", seed=3)
    (before,) = network_jobs({"corpus": [str(path)]})
    assert network_jobs({"corpus": [path]})[0].key == before.key
    write_corpus(path, seed=4)
    (after,) = network_jobs({"corpus": [str(path)]})
    assert after.key != before.key
    result = nc.sweep([before], out=tmp_path / "out", progress=False, table="csv")
    assert "holds other reviews than when this job was made" in result.failed[0].reason


# A network is trained once


def trained_at(out: Path) -> dict[str, int]:
    return {str(path.relative_to(out)): path.stat().st_mtime_ns
            for path in out.rglob("weights.safetensors")}  # fmt: skip


@pytest.mark.parametrize("raised", ["EDITION", "ROWS"])
def test_another_edition_trains_no_network_anew(
    raised: str, swept: Path, corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(swept, out)
    before = trained_at(out)
    analysed = {path: path.stat().st_mtime_ns for path in out.rglob("analysis.npz")}
    monkeypatch.setattr(f"nullcline.study.networks.{raised}", 99)
    words = ["sweep", "--out", str(out), "--corpora", corpus, *GRID, *SMALL, "--quiet", "--resume"]
    assert main(words) == 0
    assert trained_at(out) == before
    kept = [path.stat().st_mtime_ns == at for path, at in analysed.items()]
    # New rows are made of the analysis that is there.
    assert kept == [raised == "ROWS"] * 4
    keys = {"job"}
    for row, old in zip(table(out), table(swept), strict=True):
        assert row["job"] != old["job"]
        assert {name: row[name] for name in row.keys() - keys} == {
            name: old[name] for name in old.keys() - keys
        }


def test_finished_runs_are_taken_where_they_are_the_same(
    swept: Path, corpus: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    for path in sorted(swept.glob("networks/*/*-seed-*")):
        shutil.copytree(path, runs / path.name)
    # Two are damaged, and trained anew.
    (next(runs.glob("rnn*-seed-0-*")) / "vocabulary.json").unlink()
    with (next(runs.glob("rnn*-seed-1-*")) / "weights.safetensors").open("ab") as file:
        file.write(b"!")
    before = {load_checkpoint(path).sha256 for path in runs.glob("gru*")}
    out = tmp_path / "out"
    words = ["sweep", "--out", str(out), "--corpora", corpus, *GRID, *SMALL, "--runs", str(runs)]
    assert main(words) == 0
    assert f"2 runs of {runs} are taken" in capsys.readouterr().err
    linked = [path for path in out.rglob("weights.safetensors") if path.stat().st_nlink > 1]
    assert {load_checkpoint(path.parent).sha256 for path in linked} == before
    for row, other in zip(table(out), table(swept), strict=True):
        assert row["checkpoint_sha256"] == other["checkpoint_sha256"]
    longer = [*words, "--epochs", "2", "--out"]
    assert main([*longer, str(tmp_path / "other")]) == 0
    assert f"0 runs of {runs} are taken" in capsys.readouterr().err
    assert main([*words[:-1], str(tmp_path / "nowhere")]) == 1
    assert "runs must be a folder" in capsys.readouterr().err


def test_a_run_that_is_half_copied_is_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, place = tmp_path / "run", tmp_path / "place"
    run.mkdir()
    for name in ("settings.json", "weights.safetensors"):
        (run / name).write_text("{}")

    def link(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    def copy(source: Path, target: Path) -> None:
        target.write_text("{")
        if source.name == "settings.json":
            raise KeyboardInterrupt

    monkeypatch.setattr("os.link", link)
    monkeypatch.setattr("shutil.copyfile", copy)
    with pytest.raises(KeyboardInterrupt):
        finished_runs._copy(run, place)
    assert [path.name for path in place.iterdir()] == ["weights.safetensors"]


def test_a_folder_that_holds_another_network_is_refused_and_not_replaced(
    swept: Path, corpus: str, tmp_path: Path
) -> None:
    run = next(swept.glob("networks/*/gru-*-seed-0-*"))
    training = TrainingSettings(epochs=4, learning_rate=0.1, batch_size=8, dropout=0)
    (job,) = network_jobs({"corpus": [corpus], "hidden_size": [2]}, training=training)
    place = tmp_path / job.needs[0].place
    shutil.copytree(run, place)
    (place / "job.json").unlink()
    result = nc.sweep([job], out=tmp_path, progress=False, table="csv")
    assert [one.status for one in result.failed] == ["failed", "not done"]
    assert "choose another folder, or remove this one" in result[0].reason
    assert load_checkpoint(place).settings.hidden_size == 3


SETTINGS = st.fixed_dictionaries(
    {
        "cell": st.sampled_from(CELLS),
        "layers": st.integers(1, 3),
        "hidden_size": st.sampled_from([4, 64]),
        "seed": st.integers(0, 2),
        "epochs": st.sampled_from([3, 10]),
        "max_tokens": st.sampled_from([None, 200]),
        "learning_rate": st.sampled_from([None, 1e-3, 3e-4]),
        "vectors": st.sampled_from([None, "none", "random"]),
    }
)
CORPUS = st.sampled_from([("imdb", "a"), ("own.csv", "a"), ("own.csv", "b")])
PLACE = st.tuples(SETTINGS, CORPUS, st.integers(1, 2))


@given(PLACE, PLACE, st.sets(st.integers(0, 9), max_size=2))
def test_two_networks_never_share_a_folder(one: Any, another: Any, differ: set[int]) -> None:
    """Of two that differ in little, at most in two settings, the corpus or the threads."""
    own = {
        name: (another if number in differ else one)[0][name] for number, name in enumerate(one[0])
    }
    other = (own, *((another if at in differ else one)[part] for at, part in ((8, 1), (9, 2))))
    settings = [TrainingSettings(**kept[0]).resolved() for kept in (one, other)]
    names = [
        name_of_run(TrainingSettings(**chosen), source, content, threads)
        for chosen, (source, content), threads in (one, other)
    ]
    assert (names[0] == names[1]) == ((settings[0], *one[1:]) == (settings[1], *other[1:]))


def test_a_usual_network_has_a_name_that_can_be_read() -> None:
    usual = TrainingSettings(cell="lstm", layers=2, hidden_size=64, seed=3)
    assert name_of_run(usual, "imdb", "any", 1) == "lstm-2-layer-64-units-seed-3"
    (job,) = network_jobs({"corpus": ["synthetic"], "seed": [3]})
    assert job.needs[0].place == "networks/synthetic/gru-1-layer-256-units-seed-3"
    assert job.place == "analyses/synthetic/gru-1-layer-256-units-seed-3"


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")
def test_a_sweep_of_networks_killed_at_any_moment_goes_on_to_the_same_rows(
    corpus: str, tmp_path: Path
) -> None:
    jobs = network_jobs(
        {"corpus": [corpus], "seed": [0, 1]},
        training=TrainingSettings(hidden_size=3, embedding_size=4, epochs=2, vectors="random"),
        analysis=AnalysisSettings(n_starts=6, n_sample=20, n_reviews=5, n_words=5),
    )

    def work(out: Path) -> nc.SweepResult:
        return nc.sweep(jobs, out=out, table="csv", progress=False, command="same")

    whole = work(tmp_path / "whole").rows
    files = {path.relative_to(tmp_path / "whole") for path in (tmp_path / "whole").rglob("*")}
    moments = Moments.of(lambda: work(tmp_path / "counted"), timed=False)
    stages = set()
    for number, share in enumerate(np.random.default_rng(1).random(8)):
        out = tmp_path / f"out-{number}"
        assert moments.kill(lambda out=out: work(out), share)  # type: ignore[misc]
        stages.add(tuple(len(list(out.glob(f"{kind}/*/*/job.json"))) for kind in STAGES))
        trained = trained_at(out)
        assert work(out).rows == whole
        assert {path.relative_to(out) for path in out.rglob("*")} == files
        assert trained.items() <= trained_at(out).items()
    assert len(stages) >= 3  # in training, between, and in analyses


STAGES = ("networks", "analyses")


def test_vectors_count_by_what_their_file_holds(tmp_path: Path, corpus: str) -> None:
    path = tmp_path / "vectors.txt"
    keys = []
    for text in ("the 1 2\n", "the 1 3\n"):
        path.write_text(text)
        keys += [job.key for job in network_jobs({"corpus": [corpus], "vectors": [str(path)]})]
    assert len(set(keys)) == 2


def test_settings_of_a_grid_are_those_of_training_and_analysis(corpus: str) -> None:
    jobs = network_jobs(
        {"corpus": [corpus], "cell": ["lstm"], "seed": [3], "n_starts": [5, 9]},
        training=TrainingSettings(hidden_size=7),
        splits=["train", "test"],
    )
    assert len(jobs) == 2
    assert jobs[0].needs[0].key == jobs[1].needs[0].key
    for job, n_starts in zip(jobs, (5, 9), strict=True):
        training, analyses = job.needs[0].parameters["training"], job.parameters["analyses"]
        assert (training.cell, training.seed, training.hidden_size) == ("lstm", 3, 7)
        assert analyses == [
            AnalysisSettings(n_starts=n_starts, split=split, seed=3) for split in ("train", "test")
        ]
    for axes, message in (
        ({"colour": ["red"]}, "'colour' is no setting of a network"),
        ({"seed": []}, "seed must have at least one value"),
        ({"seed": [-1]}, "seed must be at least 0"),
        ({"corpus": ["nowhere"]}, "name must be 'synthetic'"),
    ):
        with pytest.raises(ValueError, match=message):
            network_jobs(axes)


# Files of jobs

OWN: dict[str, Any] = {"function": "testing.sweep_jobs:squared", "n": [1, 2, 3]}


def run(path: Path, *words: str) -> int:
    return main(["sweep", str(path), "--out", str(path.parent / "out"), "--table", "csv", *words])


def test_jobs_of_ones_own_come_from_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps({"jobs": [OWN, {**OWN, "n": 9, "version": 2}]}))
    assert run(path) == 0
    assert [row["square"] for row in table(tmp_path / "out")] == ["1", "4", "9", "81"]
    assert "4/4" in capsys.readouterr().err


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.11 reads TOML")
def test_a_file_may_be_toml_and_list_networks(tmp_path: Path, corpus: str) -> None:
    path = tmp_path / "jobs.toml"
    path.write_text(
        f'[[jobs]]\ncorpus = "{corpus}"\nseed = "0:2"\nhidden_size = [3]\nepochs = 1\n'
        'n_starts = 6\nembedding_size = 4\nvectors = "random"\nn_sample = 20\n'
        '[[jobs]]\nfunction = "testing.sweep_jobs:squared"\nn = 4\n'
    )
    assert run(path, "--quiet") == 0
    assert [row["seed"] for row in table(tmp_path / "out")] == ["0", "1", ""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not a file of jobs, or it is damaged"),
        ("[]", "must hold a list of tables, jobs"),
        ('{"jobs": [1]}', "must hold a list of tables, jobs"),
        (json.dumps({"jobs": [{"function": "nowhere:f"}]}), "No module named 'nowhere'"),
        (json.dumps({"jobs": [{"function": "squared"}]}), "function must be 'module:function'"),
        (json.dumps({"jobs": [{**OWN, "m": 1}]}), "squared takes other parameters"),
        (json.dumps({"jobs": [{"colour": "red"}]}), "'colour' is no setting of a network"),
    ],
)
def test_a_file_that_is_none_of_jobs_is_told_in_a_line(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "jobs.json"
    path.write_text(content)
    assert run(path, "--quiet") == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["jobs.txt"], "must be a file that ends in .toml or .json"),
        (["jobs.json", "--seeds", "1"], "--seeds must be left out: jobs.json says what is done"),
        (["--workers", "0"], "--workers must lie between 1 and"),
        (["--layers", "0"], "--layers must be at least 1"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_by_its_flag(
    words: list[str], message: str, tmp_path: Path, corpus: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("jobs.json").write_text(json.dumps({"jobs": [OWN]}))
    corpora = [] if words[0].startswith("jobs") else ["--corpora", corpus]
    assert main(["sweep", *words, *corpora, "--quiet"]) == 1
    assert message in capsys.readouterr().err
