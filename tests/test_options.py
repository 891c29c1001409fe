"""The command line's options are the settings' fields: flags, types, defaults and help."""

from __future__ import annotations

import argparse
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

import pytest

from nullcline._support.options import add_options, field_docs, flag, from_options, with_flags
from nullcline.cli import parser
from nullcline.cli.find import OF_FIGURES
from nullcline.cli.options import VARIED
from nullcline.cli.sweep import LISTED, LISTED_OF_ANALYSIS
from nullcline.study.settings import AnalysisSettings
from nullcline.training import CELLS, SPLITS, TrainingSettings

OTHERS = {"cell": "lstm", "method": "lm", "split": "train", "vectors": "random"}


@dataclass(frozen=True)
class Example:
    """Settings of nothing.

    Parameters
    ----------
    hidden_size
        Units (not `layers`). More of this.
    rate, share
        Numbers, e.g. of 50% and
        of less. None stands for 3. And more.
    way
        Which way.

    Raises
    ------
    ValueError
        Never.
    """

    hidden_size: int = 3
    rate: float | None = None
    share: float = 0.5
    way: str = field(default="in", metadata={"choices": ("in", "out"), "flag": "--direction"})


def options(*words: str, leave_out: tuple[str, ...] = ()) -> argparse.Namespace:
    alone = argparse.ArgumentParser()
    add_options(alone, Example, leave_out=leave_out)
    return alone.parse_args(words)


def test_defaults_are_the_fields() -> None:
    assert from_options(Example, options()) == Example()


def test_every_field_is_set_by_its_flag() -> None:
    words = ["--hidden-size", "7", "--rate", "2", "--share", "0.1", "--direction", "out"]
    assert from_options(Example, options(*words)) == Example(7, 2.0, 0.1, "out")


@pytest.mark.parametrize(
    "words", [["--hidden-size", "1.5"], ["--direction", "up"], ["--rate", "fast"]]
)
def test_values_of_another_type_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        options(*words)


def test_fields_can_be_left_out() -> None:
    found = options(leave_out=("rate",))
    assert not hasattr(found, "rate")
    assert from_options(Example, found, hidden_size=9) == Example(hidden_size=9)


def test_help_is_what_the_docstring_says() -> None:
    numbers = "numbers, e.g. of 50%% and of less; None stands for 3"
    assert field_docs(Example) == {
        "hidden_size": "units (not layers)",
        "rate": numbers,
        "share": numbers,
        "way": "which way",
    }


# The commands

COMMANDS = [
    ("train", [], TrainingSettings, ()),
    ("reproduce", [], TrainingSettings, VARIED),
    ("reproduce", [], AnalysisSettings, ("split", "snapshot")),
    ("sweep", [], TrainingSettings, (*LISTED, "seed")),
    ("sweep", [], AnalysisSettings, (*LISTED_OF_ANALYSIS, "seed")),
    ("learning", [], TrainingSettings, (*LISTED, "seed")),
    ("learning", [], AnalysisSettings, (*LISTED_OF_ANALYSIS, "seed")),
    ("find", ["folder"], AnalysisSettings, OF_FIGURES),
]


def parsed(command: str, *words: str) -> argparse.Namespace:
    return parser().parse_args([command, *words])


@pytest.mark.parametrize(("command", "words", "settings", "left_out"), COMMANDS)
def test_a_command_without_options_has_the_settings_defaults(
    command: str, words: list[str], settings: Any, left_out: tuple[str, ...]
) -> None:
    found = parsed(command, *words)
    assert from_options(settings, found, leave_out=left_out) == settings()


@pytest.mark.parametrize(("command", "words", "settings", "left_out"), COMMANDS)
def test_every_field_has_its_flag_and_its_help(
    command: str, words: list[str], settings: Any, left_out: tuple[str, ...]
) -> None:
    docs = field_docs(settings)
    for one in fields(settings):
        assert docs[one.name]
        assert one.default is not MISSING
        if one.name not in left_out:
            value = OTHERS.get(one.name, "0.25" if "float" in str(one.type) else "7")
            given = [flag(one), value]
            if one.default is False:
                given, value = [flag(one)], "True"
            found = parsed(command, *words, *given)
            chosen = from_options(settings, found, leave_out=left_out)
            assert str(getattr(chosen, one.name)) == value
            assert chosen != settings()


def test_what_is_left_out_of_the_reproduction_is_a_list_there() -> None:
    words = ["--cells", *CELLS, "--layers", "1", "2", "--train-sizes", "5", "all"]
    found = parsed("reproduce", *words, "--splits", *SPLITS)
    assert (found.cells, found.layers) == (list(CELLS), [1, 2])
    assert (found.train_sizes, found.splits) == ([5, None], list(SPLITS))


@pytest.mark.parametrize("command", ["reproduce", "sweep"])
def test_seeds_are_numbers_and_ranges(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert parsed(command, "--seeds", "7", "0:3", "9").seeds == [7, 0, 1, 2, 9]
    assert parsed(command).seeds is None
    for wrong in ("3:3", "a", "1:", ":4"):
        with pytest.raises(SystemExit):
            parsed(command, "--seeds", wrong)
        assert wrong in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "reproduce --layers 1 --cells gru --corpora sst --train-sizes 5 --splits test --out o "
        "--corpus imdb --data-dir d --classes 2 --hidden-size 4 --epochs 1 --max-tokens 3 "
        "--patience 1 --device cpu --resume --starts 3 --method lm --tol-unique 1e-2 "
        "--tol-slow 1e-2 --threads 1 --seed 3 --quiet",
        "train --cell gru --layers 1 --train-size 5 --out o --corpus imdb --data-dir d --classes 2 "
        "--hidden-size 4 --epochs 1 --max-tokens 3 --patience 1 --device cpu --resume --seed 3 "
        "--quiet",
        "find folder --out o --corpus imdb --data-dir d --starts 3 --method lm --tol-unique 1e-2 "
        "--tol-slow 1e-2 --threads 1 --device cpu --seed 3 --quiet",
        "data fetch imdb sst glove --data-dir d --quiet",
    ],
)
def test_the_flags_of_version_0_1_are_all_there(words: str) -> None:
    parser().parse_args(words.split())


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("tol_slow must be finite", "--tol-slow must be finite"),
        ("seed must be at least 0, not -1", "--seed must be at least 0, not -1"),
        (
            "train_size=85 is more than the corpus has",
            "--train-size 85 is more than the corpus has",
        ),
        ("go on with it (resume=True)", "go on with it (--resume)"),
        ("name it by data_dir, or another by out", "name it by --data-dir, or another by --out"),
        ("(seed: 1 there, tol_slow: 0.1 there)", "(--seed: 1 there, --tol-slow: 0.1 there)"),
        # Plain English, names of files, and what the user has written
        ("the seed that it had", "the seed that it had"),
        ("data/seed=1/tol_slow.npz is damaged", "data/seed=1/tol_slow.npz is damaged"),
        ("not 'tol_slow' or 'seed must be'", "not 'tol_slow' or 'seed must be'"),
        ("reseed must be given", "reseed must be given"),
    ],
)
def test_messages_name_the_flags(message: str, expected: str) -> None:
    flags = {
        "tol_slow": "--tol-slow",
        "seed": "--seed",
        "train_size": "--train-size",
        "resume": "--resume",
        "data_dir": "--data-dir",
        "out": "--out",
    }
    assert with_flags(message, flags) == expected
