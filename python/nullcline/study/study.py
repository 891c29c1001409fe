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
from nullcline.study.report import PAGE, template
from nullcline.study.reproduce import (
    RESULTS,
    analyse_or_load,
    describe_run,
    leave_out,
    remove_page,
    say,
    train_or_load,
    working_in,
    write_page,
)
from nullcline.study.settings import AnalysisSettings
from nullcline.study.table import HEADINGS, table_rows
from nullcline.study.training_size import draw_sizes
from nullcline.text import CORPORA, load_corpus
from nullcline.training import CELLS, TrainingSettings

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from nullcline.study.results import NetworkAnalysis
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint


@dataclass(frozen=True, eq=False)
class _Page:
    """A page of the study, and the networks on it: of one cell and corpus, of several depths."""

    path: Path
    networks: Sequence[NetworkAnalysis]


@dataclass(frozen=True)
class _Run:
    """What all networks of a study share."""

    folder: Path
    command: str
    analyses: Sequence[AnalysisSettings]
    data_dir: str | os.PathLike[str] | None
    device: str | None
    resume: bool
    progress: bool

    def pages(
        self, reviews: Corpus, settings: TrainingSettings, depths: Sequence[int]
    ) -> list[_Page]:
        """Train and analyse networks of some depths, and write their page, one for each split."""
        start = time.perf_counter()
        size = settings.train_size
        name = settings.cell + ("" if size is None else f"-{size}-reviews")
        trained = [
            self._network(
                reviews,
                replace(settings, layers=depth),
                self.folder / "networks" / reviews.name / f"{name}-{depth}-layer",
            )
            for depth in depths
        ]
        checkpoints = [checkpoint for checkpoint, _ in trained]
        by_depth = [analyses for _, analyses in trained]
        pages = []
        remove_page(self.folder)  # the summary of what the pages said before
        for analysis, networks in zip(self.analyses, zip(*by_depth, strict=True), strict=True):
            suffix = "" if analysis.split == "test" else f"-{analysis.split}"
            path = write_page(
                self.folder / "pages" / f"{reviews.name}-{name}{suffix}",
                networks,
                settings,
                analysis,
                command=self.command,
                seconds=time.perf_counter() - start,
                checkpoints=checkpoints,
                corpus=reviews,
            )
            pages.append(_Page(path, networks))
        return pages

    def _network(
        self, reviews: Corpus, settings: TrainingSettings, place: Path
    ) -> tuple[Checkpoint, list[NetworkAnalysis]]:
        """Return a network and its analyses, one for each split."""
        checkpoint = train_or_load(
            reviews,
            settings,
            place,
            data_dir=self.data_dir,
            device=self.device,
            resume=self.resume,
            progress=self.progress,
        )
        return checkpoint, [
            analyse_or_load(checkpoint, reviews, analysis, place, progress=self.progress)
            for analysis in self.analyses
        ]


def study(
    out: str | os.PathLike[str],
    *,
    cells: Sequence[str] = CELLS,
    corpora: Sequence[str] = CORPORA,
    layers: Sequence[int] = (1,),
    train_sizes: Sequence[int | None] = (None,),
    splits: Sequence[str] = ("test",),
    training: TrainingSettings | None = None,
    analysis: AnalysisSettings | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    device: str | None = None,
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
    training, analysis
        Settings, the paper's by default, in which each of the above replaces its counterpart.
    data_dir, device, resume, progress
        As in `nullcline.study.reproduce.reproduce`.

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
    """
    lists = {"cells": cells, "corpora": corpora, "layers": layers, "train_sizes": train_sizes,
             "splits": splits}  # fmt: skip
    for name, values in lists.items():
        if not values:
            raise ValueError(f"{name} must name at least one")
    training, analysis = training or TrainingSettings(), analysis or AnalysisSettings()
    # Wrong names are refused now, not after hours of training.
    planned = [replace(training, cell=cell) for cell in cells]
    analyses = [replace(analysis, split=split) for split in splits]
    command = _command(lists, training)
    with working_in(Path(out), resume=resume) as folder:
        run = _Run(folder, command, analyses, data_dir, device, resume, progress)
        start = time.perf_counter()
        pages: list[_Page] = []
        for corpus in corpora:
            reviews = load_corpus(
                corpus,
                data_dir=data_dir,
                classes=training.classes,
                seed=training.seed,
                progress=progress,
            )
            for of_cell, size in product(planned, train_sizes):
                settings = replace(of_cell, train_size=size)
                pages += run.pages(reviews, settings, sorted(set(layers)))
        say("summary", progress=progress)
        record = {
            "settings": {
                **{name: list(values) for name, values in lists.items()},
                "training": leave_out(training.to_dict(), "cell", "layers", "train_size"),
                "analysis": leave_out(asdict(analysis), "split", "n_threads"),
            },
            **describe_run(command, time.perf_counter() - start),
        }
        return _write_summary(folder, pages, record)


def _command(lists: dict[str, Sequence[Any]], training: TrainingSettings) -> str:
    """Return the command that reproduces the study, without settings that the page lists."""
    words = ["nullcline reproduce"]
    for name, values in lists.items():
        if list(values) not in (["test"], [None]):
            shown = ("all" if value is None else str(value) for value in values)
            words.append(f"--{name.replace('_', '-')} {' '.join(shown)}")
    for name, default in (
        ("vectors", None),
        ("classes", 2),
        ("max_tokens", None),
        ("patience", None),
    ):
        value = getattr(training, name)
        if value != default:
            words.append(f"--{name.replace('_', '-')} {value}")
    return " ".join(words)


def _write_summary(folder: Path, pages: Sequence[_Page], record: dict[str, Any]) -> Path:
    """Write `results.json`, with a row for every layer of every network, and `index.html`."""
    rows = [
        {"page": page.path.relative_to(folder).as_posix(), **row}
        for page in pages
        for network in page.networks
        for row in table_rows(network)
    ]
    networks = [network for page in pages for network in page.networks]
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
                    "measured": of_network[i].measured,
                    "holds": of_network[i].agrees is True,
                }
                for network, of_network in zip(networks, findings, strict=True)
            ],
        }
        for i, claim in enumerate(LINE_ATTRACTOR_CLAIMS)
    ]
    results = {**record, "rows": rows, "claims": claims}
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
