"""The study, widened: every cell on every corpus, one table, and one page per network."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.files import write_json, write_text
from nullcline.study.cell_names import name_of_network
from nullcline.study.descriptions import describe_corpus
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS, evaluate
from nullcline.study.networks import (
    analyse_or_load,
    leave_out,
    network_job,
    say,
    seed_of_corpus,
)
from nullcline.study.report import PAGE, template
from nullcline.study.reproduce import (
    RESULTS,
    describe_run,
    do_networks,
    remove_page,
    require_done,
    working_in,
    write_page,
)
from nullcline.study.settings import AnalysisSettings
from nullcline.study.table import HEADINGS, table_rows
from nullcline.study.training_size import draw_sizes
from nullcline.sweeps.store import DONE
from nullcline.text import load_corpus
from nullcline.training import CELLS, TrainingSettings, load_checkpoint
from nullcline.training.fingerprint import corpus_sha256

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Mapping, Sequence

    from nullcline.study.results import NetworkAnalysis
    from nullcline.sweeps import Job
    from nullcline.sweeps.running import Outcome
    from nullcline.text import Corpus


@dataclass(frozen=True, eq=False)
class _Page:
    """A page of the study, and the networks on it: of one cell and corpus, of several depths."""

    path: Path
    networks: Sequence[NetworkAnalysis]
    training: TrainingSettings


@dataclass(frozen=True, eq=False)
class _Planned:
    """A page before its networks are trained: of one cell, corpus, size and seed."""

    name: str
    reviews: Corpus
    training: TrainingSettings
    jobs: Sequence[Job]


def study(
    out: str | os.PathLike[str],
    *,
    cells: Sequence[str] = CELLS,
    corpora: Sequence[str] = ("synthetic", "imdb", "sst"),
    layers: Sequence[int] = (1,),
    train_sizes: Sequence[int | None] = (None,),
    splits: Sequence[str] = ("test",),
    seeds: Sequence[int] | None = None,
    hidden_sizes: Sequence[int] | None = None,
    training: TrainingSettings | None = None,
    analysis: AnalysisSettings | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    device: str | None = None,
    workers: int | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Path:
    """Train and analyse networks of every cell on every corpus, and set them side by side.

    The first question is that of Maheswaranathan et al. (NeurIPS 2019): whether networks of all
    cells are line attractors. Train sizes, splits and classes are the directions in which the study
    that nullcline grew from would go on: from under- to overfitting, from the reviews that a
    network was fitted to to those that it never saw, and to more classes than two
    (`training.classes`).

    Parameters
    ----------
    out
        The folder: `networks/` (checkpoints and analyses, by corpus, cell and depth), `pages/`
        (one per network, as `nullcline.study.reproduce.reproduce` writes it), `results.json` and
        `index.html`.
    cells, corpora, layers
        Cells (`nullcline.training.CELLS`), corpora as in `nullcline.text.load_corpus`, depths.
    train_sizes
        Numbers of reviews to train on; None takes all that are not held out.
    splits
        Reviews whose states are analysed, of `nullcline.training.SPLITS`.
    seeds, hidden_sizes
        Seeds of corpus, training and analysis, and numbers of units; by default those of
        `training`.
    training, analysis
        Settings, the paper's by default, in which each of the above replaces its counterpart.
    data_dir, device, workers, resume, progress
        As in `nullcline.study.reproduce.reproduce`. The results of so many workers are the same as
        those of any other number of them.

    Returns
    -------
    pathlib.Path
        The summary, `index.html`.

    Raises
    ------
    BlockingIOError
        Another process works in the folder.
    FileExistsError
        The folder holds results and `resume` is False.
    OSError
        A file cannot be written. What was finished before is kept.
    ValueError
        One of the lists is empty or names what there is not, or settings or corpora are not those
        of what the folder holds.
    Exception
        Whatever the first network failed by, if all have failed. Of one that failed among others,
        the summary says why.
    """
    lists: dict[str, Sequence[Any]] = {
        "cells": cells, "corpora": corpora, "layers": layers, "train_sizes": train_sizes,
        "splits": splits,
        **{name: values for name, values in (("seeds", seeds), ("hidden_sizes", hidden_sizes))
           if values is not None},
    }  # fmt: skip
    for name, values in lists.items():
        if not values:
            raise ValueError(f"{name} must name at least one")
    training, analysis = training or TrainingSettings(), analysis or AnalysisSettings()
    # Wrong names are refused now, not after hours of training.
    planned = _vary(training, lists)
    analyses = [replace(analysis, split=split) for split in splits]
    command = _command(lists, training, workers)
    start = time.perf_counter()
    with working_in(Path(out), resume=resume) as folder:
        networks = _Networks(folder, sorted(set(layers)), analyses, data_dir, device, workers,
                             list(lists), progress)  # fmt: skip
        wanted = networks.plan(corpora, planned)
        outcomes = networks.do(wanted)
        say("pages", progress=progress)
        remove_page(folder)  # the summary of what the pages said before
        pages = [page for one in wanted for page in networks.pages(one, outcomes, command)]
        varied = {"seeds": "seed", "hidden_sizes": "hidden_size"}
        in_lists = [field for name, field in varied.items() if name in lists]
        record = {
            "settings": {
                **{name: list(values) for name, values in lists.items()},
                "training": leave_out(
                    training.to_dict(), "cell", "layers", "train_size", *in_lists
                ),
                "analysis": leave_out(
                    asdict(analysis), "split", "n_threads", *set(in_lists) & {"seed"}
                ),
            },
            **describe_run(command, time.perf_counter() - start),
        }
        failed = [one for one in outcomes.values() if one.ending.status != DONE]
        return _write_summary(folder, pages, record, failed)


def _vary(training: TrainingSettings, lists: dict[str, Sequence[Any]]) -> list[TrainingSettings]:
    """Return the settings of every page of a corpus, in their order."""
    fields = {
        "cell": lists["cells"],
        "train_size": lists["train_sizes"],
        "hidden_size": lists.get("hidden_sizes", [training.hidden_size]),
        "seed": lists.get("seeds", [training.seed]),
    }
    for depth in lists["layers"]:
        replace(training, layers=depth)
    return [
        replace(training, **dict(zip(fields, chosen, strict=True)))
        for chosen in product(*fields.values())
    ]


@dataclass(frozen=True)
class _Networks:
    """What all networks of a study share."""

    folder: Path
    depths: Sequence[int]
    analyses: Sequence[AnalysisSettings]
    data_dir: str | os.PathLike[str] | None
    device: str | None
    workers: int | None
    lists: Collection[str]
    progress: bool

    def plan(self, corpora: Sequence[str], planned: Sequence[TrainingSettings]) -> list[_Planned]:
        """Load the corpora, and return the pages and the jobs of their networks."""
        loaded: dict[tuple[str, int], tuple[Corpus, str]] = {}
        wanted = []
        for source, training in product(corpora, planned):
            seed = seed_of_corpus(source, training)
            if (source, seed) not in loaded:
                reviews = load_corpus(
                    source,
                    data_dir=self.data_dir,
                    classes=training.classes,
                    seed=seed,
                    progress=self.progress,
                )
                loaded[source, seed] = reviews, corpus_sha256(reviews)
            wanted.append(self._page(source, *loaded[source, seed], training))
        return wanted

    def _page(
        self, source: str, reviews: Corpus, corpus_hash: str, training: TrainingSettings
    ) -> _Planned:
        name = self._name(training)
        here = self.workers is None
        jobs = [
            network_job(
                reviews.name,
                corpus_hash,
                source,
                replace(training, layers=depth),
                self._analyses_of(training),
                data_dir=self.data_dir,
                device=self.device,
                threads=None if here else 1,
                progress=self.progress and here,
                folder=f"networks/{reviews.name}/{name}-{depth}-layer",
                reviews=reviews if here else None,
            )
            for depth in self.depths
        ]
        return _Planned(f"{reviews.name}-{name}", reviews, training, jobs)

    def _name(self, training: TrainingSettings) -> str:
        """Return what tells a page of a corpus from others: what the lists vary."""
        name = training.cell
        if training.train_size is not None:
            name += f"-{training.train_size}-reviews"
        if "hidden_sizes" in self.lists:
            name += f"-{training.hidden_size}-units"
        if "seeds" in self.lists:
            name += f"-seed-{training.seed}"
        return name

    def _analyses_of(self, training: TrainingSettings) -> list[AnalysisSettings]:
        """Return the analyses of a network, one for each split; a listed seed is theirs, too."""
        if "seeds" not in self.lists:
            return list(self.analyses)
        return [replace(analysis, seed=training.seed) for analysis in self.analyses]

    def do(self, wanted: Sequence[_Planned]) -> dict[str, Outcome]:
        """Train and analyse the networks; raise what the first one failed by if all did."""
        jobs = [job for one in wanted for job in one.jobs]
        outcomes = do_networks(jobs, self.folder, workers=self.workers, progress=self.progress)
        if all(one.ending.status != DONE for one in outcomes):
            require_done(outcomes)
        return {one.job.key: one for one in outcomes}

    def pages(
        self, planned: _Planned, outcomes: Mapping[str, Outcome], command: str
    ) -> list[_Page]:
        """Write the pages of networks that are done, one for each split."""
        done = [job for job in planned.jobs if outcomes[job.key].ending.status == DONE]
        if not done:
            return []
        checkpoints = [load_checkpoint(self.folder / job.place) for job in done]
        pages = []
        for analysis in self._analyses_of(planned.training):
            suffix = "" if analysis.split == "test" else f"-{analysis.split}"
            networks = [
                analyse_or_load(
                    checkpoint,
                    planned.reviews,
                    analysis,
                    checkpoint.directory,
                    progress=self.progress,
                )
                for checkpoint in checkpoints
            ]
            path = write_page(
                self.folder / "pages" / f"{planned.name}{suffix}",
                networks,
                planned.training,
                analysis,
                command=command,
                seconds=sum(outcomes[job.key].ending.seconds for job in done),
                checkpoints=checkpoints,
                corpus=planned.reviews,
            )
            pages.append(_Page(path, networks, planned.training))
        return pages


def _command(
    lists: dict[str, Sequence[Any]], training: TrainingSettings, workers: int | None
) -> str:
    """Return the command that reproduces the study, without settings that the page lists."""
    words = ["nullcline reproduce"]
    for name, values in lists.items():
        if list(values) not in (["test"], [None]):
            shown = ("all" if value is None else str(value) for value in values)
            words.append(f"--{name.replace('_', '-')} {' '.join(shown)}")
    for name, default in (
        ("vectors", None),
        ("classes", None),
        ("max_tokens", None),
        ("patience", None),
    ):
        value = getattr(training, name)
        if value != default:
            words.append(f"--{name.replace('_', '-')} {value}")
    if training.frozen_vectors:
        words.append("--frozen-vectors")
    if workers is not None:
        words.append(f"--workers {workers}")
    return " ".join(words)


def _write_summary(
    folder: Path,
    pages: Sequence[_Page],
    record: dict[str, Any],
    failed: Sequence[Outcome] = (),
) -> Path:
    """Write `results.json`, with a row for every layer of every network, and `index.html`."""
    rows = [
        {
            "page": page.path.relative_to(folder).as_posix(),
            **row,
            "seed": page.training.seed,
            "hidden_size": page.training.hidden_size,
        }
        for page in pages
        for network in page.networks
        for row in table_rows(network)
    ]
    studied = [(page.training, network) for page in pages for network in page.networks]
    networks = [network for _, network in studied]
    findings = [evaluate(network) for network in networks]
    claims = [
        {
            "name": claim.name,
            "claim": claim.claim,
            "rule": claim.rule,
            "holds": sum(of_network[i].agrees is True for of_network in findings),
            "of": len(networks),
            "networks": [
                {
                    "corpus": network.corpus,
                    "cell": network.cell,
                    "n_layers": network.n_layers,
                    "n_train": network.n_train,
                    "split": network.split,
                    "seed": training.seed,
                    "hidden_size": training.hidden_size,
                    "measured": of_network[i].measured,
                    "holds": of_network[i].agrees is True,
                }
                for (training, network), of_network in zip(studied, findings, strict=True)
            ],
        }
        for i, claim in enumerate(LINE_ATTRACTOR_CLAIMS)
    ]
    failures = [{"network": one.job.label, "reason": one.ending.reason} for one in failed]
    results = {**record, "rows": rows, "claims": claims, "failed": failures}
    write_json(folder / RESULTS, results)
    page = template("study.html").render(
        results=results,
        cell_names={cell: name_of_network(cell) for cell in CELLS},
        headings=HEADINGS,
        corpora=dict.fromkeys(describe_corpus(one.corpus, one.classes) for one in networks),
        sizes=draw_sizes(networks, folder / "figures"),
    )
    path = folder / PAGE
    write_text(path, page)
    return path
