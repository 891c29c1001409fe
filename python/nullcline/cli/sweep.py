"""`nullcline sweep`: many networks of the study, or jobs of one's own, and one table of results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.options import from_options
from nullcline.cli.options import (
    GOES_ON,
    VARIED,
    add_data_dir,
    add_out,
    add_search,
    add_seeds,
    add_training,
    add_workers,
    command,
    require_left_out,
    train_size,
)
from nullcline.cli.running import say
from nullcline.study.settings import AnalysisSettings
from nullcline.training.settings import CELLS, SPLITS, TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nullcline.cli.options import Commands
    from nullcline.sweeps import Job, Section, SweepResult
    from nullcline.sweeps.rows import Row

_EXAMPLES = (
    "nullcline sweep --cells gru lstm --corpora synthetic sst --seeds 0:20 --out seeds --workers 2",
    "nullcline sweep --corpora imdb --layers 1 2 3 --seeds 0:8 --hidden-sizes 64 --out imdb",
    "nullcline sweep jobs.toml --out own --workers 2 --resume",
)

AXES = {
    "corpora": "corpus", "cells": "cell", "layers": "layers", "hidden_sizes": "hidden_size",
    "vectors": "vectors", "frozen_vectors": "frozen_vectors", "train_sizes": "train_size",
    "classes": "classes", "seeds": "seed", "snapshots": "snapshot",
}  # fmt: skip
"""The setting that each list of values is of; the last one varies fastest."""

LISTED = (*VARIED, "hidden_size", "vectors", "frozen_vectors", "classes")
"""Settings of the training that are given as lists, or otherwise."""

LISTED_OF_ANALYSIS = ("split", "n_threads", "snapshot")
"""The same of the analysis."""


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "sweep",
        _sweep,
        "do many jobs, each once: networks of the study, or what a file lists",
        kept=GOES_ON,
        examples=_EXAMPLES,
        extra="study",
    )
    parser.add_argument(
        "jobs", type=Path, nargs="?", help="a file of jobs, TOML or JSON, in place of the lists"
    )
    add_lists(parser).add_argument(
        "--snapshots", nargs="+", type=int, metavar="STEP",
        help="steps after which the weights are analysed, of those kept (--snapshot-steps), and 0 "
        "for the untrained network; the best epoch",
    )  # fmt: skip
    add_doing(parser, "sweep")
    add_training(parser, leave_out=LISTED)
    add_search(parser, leave_out=LISTED_OF_ANALYSIS)


def add_doing(parser: argparse.ArgumentParser, out: str) -> None:
    """Add how jobs are done, and where."""
    add_workers(parser)
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        metavar="N",
        help="threads of each job, which are part of what it is: they may change last bits",
    )
    parser.add_argument(
        "--runs", type=Path, metavar="FOLDER",
        help="where runs of `nullcline train` lie that are taken instead of training the same anew",
    )  # fmt: skip
    parser.add_argument("--retry-failed", action="store_true", help="do again what has failed")
    parser.add_argument(
        "--table", choices=("parquet", "csv"), help="format; Parquet where pyarrow is installed"
    )
    add_out(parser, out)
    add_data_dir(parser)


def add_lists(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Add the lists of networks, and return their group."""
    group = parser.add_argument_group("networks of the study: one for every combination")
    group.add_argument("--cells", nargs="+", choices=CELLS, help="what a layer is; gru")
    group.add_argument("--corpora", nargs="+", metavar="CORPUS", help="what to train on; synthetic")
    group.add_argument("--layers", nargs="+", type=int, metavar="N", help="depths; 1")
    add_seeds(group, "seeds of corpus, training and analysis, such as 0 1 2 or 0:20; 0")
    group.add_argument(
        "--hidden-sizes", nargs="+", type=int, metavar="N", help="units of a layer; 256"
    )
    group.add_argument(
        "--train-sizes", nargs="+", type=train_size, metavar="N",
        help="numbers of reviews to train on, or all",
    )  # fmt: skip
    group.add_argument(
        "--vectors", nargs="+", type=_vectors, metavar="FILE",
        help="files of word vectors to start from, random, word2vec and fasttext (trained on the "
        "reviews), names of published ones, or default (GloVe's)",
    )  # fmt: skip
    group.add_argument(
        "--frozen-vectors", nargs="+", type=_yes_or_no, metavar="NO/YES",
        help="whether word vectors are left as they start; no",
    )  # fmt: skip
    group.add_argument(
        "--classes", nargs="+", type=int, metavar="N",
        help="numbers of classes of every corpus; its own, or 2",
    )  # fmt: skip
    group.add_argument(
        "--splits", nargs="+", choices=SPLITS, help="reviews whose states are analysed; test"
    )
    return group


def _vectors(word: str) -> str | None:
    return None if word == "default" else word


def _yes_or_no(word: str) -> bool:
    if word not in {"no", "yes"}:
        raise argparse.ArgumentTypeError(f"{word!r} is neither yes nor no")
    return word == "yes"


def _sweep(options: argparse.Namespace) -> None:
    from functools import partial

    from nullcline.study.over_seeds import summaries

    jobs = _jobs(options)
    require_all_done(do_jobs(jobs, options, partial(summaries, jobs=jobs)))


def do_jobs(
    jobs: list[Job],
    options: argparse.Namespace,
    summarize: Callable[[Sequence[Row]], Sequence[Section]],
) -> SweepResult:
    """Do jobs as the options say, and tell what came."""
    from nullcline.sweeps import sweep

    if options.runs is not None:
        _take_runs(jobs, options)
    found = sweep(
        jobs,
        workers=options.workers,
        out=options.out,
        resume=options.resume,
        retry_failed=options.retry_failed,
        table=options.table,
        progress=not options.quiet,
        summarize=summarize,
    )
    say(found)
    say(found.table)
    say(found.page)
    return found


def require_all_done(found: SweepResult) -> None:
    """Raise ValueError if a job is not done."""
    failed = [one for one in found if one.status != "done"]
    if failed:
        first = failed[0]
        raise ValueError(
            f"{len(failed)} of the jobs are not done, the first of them {first.job.label}: "
            f"{first.reason}; {found.page} says why for each"
        )


def _take_runs(jobs: list[Job], options: argparse.Namespace) -> None:
    from nullcline.study.finished_runs import take_finished_runs

    n_taken = take_finished_runs(jobs, options.runs, options.out)
    if not options.quiet:
        sys.stderr.write(f"{n_taken} runs of {options.runs} are taken\n")


def _jobs(options: argparse.Namespace) -> list[Job]:
    from nullcline.cli.job_file import read_jobs
    from nullcline.study.networks import network_jobs

    common: dict[str, Any] = {
        "data_dir": options.data_dir,
        "device": options.device,
        "threads": options.threads,
        "progress": not options.quiet,
    }
    if options.jobs is not None:
        settings = {action.dest for action in options.parser._actions}
        kept = {"help", "quiet", "jobs", "out", "workers", "threads", "resume", "retry_failed",
                "table", "data_dir", "device", "runs"}  # fmt: skip
        require_left_out(options, sorted(settings - kept), f"{options.jobs} says what is done")
        return read_jobs(options.jobs, **common)
    return network_jobs(
        chosen_axes(options),
        training=from_options(TrainingSettings, options, leave_out=(*LISTED, "seed")),
        analysis=from_options(AnalysisSettings, options, leave_out=(*LISTED_OF_ANALYSIS, "seed")),
        splits=options.splits or ["test"],
        **common,
    )


def chosen_axes(options: argparse.Namespace) -> dict[str, Iterable[Any]]:
    """Return the lists that are given, by the setting that each is of."""
    given = {field: getattr(options, name, None) for name, field in AXES.items()}
    return {field: values for field, values in given.items() if values is not None}
