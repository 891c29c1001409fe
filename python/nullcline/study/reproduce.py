"""The study from one call: train, analyse, draw, evaluate the claims, write the page."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.files import remove_abandoned, write_json
from nullcline._support.folder_lock import locked
from nullcline._support.versions import versions
from nullcline.study.claims import evaluate
from nullcline.study.class_claims import CLASS_CLAIMS
from nullcline.study.context_claims import CONTEXT_CLAIMS
from nullcline.study.figures import draw_figures
from nullcline.study.interactive_pages import write_layer_pages
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS
from nullcline.study.network_training import say
from nullcline.study.networks import analyse_or_load, leave_out, network_job
from nullcline.study.report import PAGE, write_report
from nullcline.study.settings import AnalysisSettings
from nullcline.sweeps.running import run_jobs
from nullcline.sweeps.store import DONE
from nullcline.text import load_corpus
from nullcline.training import TrainingSettings, load_checkpoint
from nullcline.training.fingerprint import corpus_sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nullcline.study.results import NetworkAnalysis
    from nullcline.sweeps import Job
    from nullcline.sweeps.running import Outcome
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint

RESULTS = "results.json"
DRAWN = ("figure-*.png", "figure-*.svg", "train-size.png")
"""The figures of a page, or of the summary."""

EXPLORED = ("explore-layer-*.html", "plotly.min.js")
"""The pages to explore beside a page, and the script that they share."""


def reproduce(
    out: str | os.PathLike[str],
    *,
    corpus: str = "synthetic",
    layers: Sequence[int] = (1, 3),
    training: TrainingSettings | None = None,
    analysis: AnalysisSettings | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    device: str | None = None,
    workers: int | None = None,
    resume: bool = False,
    progress: bool = True,
) -> Path:
    """Reproduce the study and write its figures, numbers and page into a folder.

    Parameters
    ----------
    out
        The folder: `figures/`, `networks/` (checkpoints and analyses), `results.json` and
        `index.html`. One process alone works in it.
    corpus
        As in `nullcline.text.load_corpus`: "synthetic", "imdb", "sst" and others, or the path of a
        CSV file with text and label.
    layers
        Depths of the networks to train; the paper's are 1, 2, 3 and 4.
    training, analysis
        Settings; the paper's by default. The depth in `training` is replaced by each of `layers`.
        Their `classes` are the classes of the corpus that is loaded.
    data_dir
        Folder with local copies of corpora and word vectors.
    device
        Where to train; by default a CUDA device if there is one, else the CPU.
    workers
        Processes that train and analyse networks at the same time, with one thread each. By default
        this process does, one network after another, with all threads.
    resume
        Go on with what the folder holds: finished epochs, networks and analyses are not redone.
        False refuses a folder that holds results.
    progress
        Show progress.

    Returns
    -------
    pathlib.Path
        The page, `index.html`.

    Raises
    ------
    BlockingIOError
        Another process works in the folder.
    FileExistsError
        The folder holds results and `resume` is False.
    OSError
        A file cannot be written. What was finished before is kept.
    ValueError
        No layers, a depth below 1, or settings or a corpus that are not those of what the folder
        holds.
    """
    if not layers:
        raise ValueError("layers must name at least one depth, for example (1, 3)")
    training = training or TrainingSettings()
    analysis = analysis or AnalysisSettings()
    with working_in(Path(out), resume=resume) as folder:
        return _reproduce(
            folder, corpus, layers, training, analysis, data_dir=data_dir, device=device,
            workers=workers, progress=progress,
        )  # fmt: skip


def _reproduce(
    folder: Path,
    corpus: str,
    layers: Sequence[int],
    training: TrainingSettings,
    analysis: AnalysisSettings,
    *,
    data_dir: str | os.PathLike[str] | None,
    device: str | None,
    workers: int | None,
    progress: bool,
) -> Path:
    start = time.perf_counter()
    reviews = load_corpus(
        corpus,
        data_dir=data_dir,
        classes=training.classes,
        seed=training.seed,
        progress=progress,
    )
    depths = sorted(set(layers))
    places = {depth: f"networks/{depth}-layer" for depth in depths}
    hashed = corpus_sha256(reviews)
    jobs = [
        network_job(
            reviews.name,
            hashed,
            corpus,
            replace(training, layers=depth),
            [analysis],
            data_dir=data_dir,
            device=device,
            threads=None if workers is None else 1,
            progress=progress and workers is None,
            folder=places[depth],
            reviews=reviews if workers is None else None,
        )
        for depth in depths
    ]
    endings = do_networks(jobs, folder, workers=workers, progress=progress)
    require_done(endings)
    checkpoints = [load_checkpoint(folder / places[depth]) for depth in depths]
    networks = [
        analyse_or_load(checkpoint, reviews, analysis, checkpoint.directory, progress=progress)
        for checkpoint in checkpoints
    ]
    say("figures", progress=progress)
    command = f"nullcline reproduce --corpus {corpus} --layers {' '.join(map(str, layers))}"
    if workers is not None:
        command += f" --workers {workers}"
    seconds = time.perf_counter() - start
    return write_page(
        folder, networks, training, analysis, command=command, seconds=seconds,
        checkpoints=checkpoints, corpus=reviews,
    )  # fmt: skip


@contextlib.contextmanager
def working_in(folder: Path, *, resume: bool) -> Iterator[Path]:
    """Yield a study's folder, in which no other process works while the block runs.

    Raises
    ------
    BlockingIOError
        Another process works in it.
    FileExistsError
        It holds results, and `resume` is False.
    """
    with locked(folder, "out"):
        if not resume and (folder / "networks").exists():
            raise FileExistsError(
                f"{folder} holds results already; go on with them (resume=True), or choose another "
                "folder"
            )
        for place in (folder, folder / "figures"):
            remove_abandoned(place)
        yield folder


def write_page(
    folder: Path,
    networks: Sequence[NetworkAnalysis],
    training: TrainingSettings,
    analysis: AnalysisSettings,
    *,
    command: str,
    seconds: float,
    checkpoints: Sequence[Checkpoint] = (),
    corpus: Corpus | None = None,
) -> Path:
    """Draw the figures of networks of one cell and corpus, evaluate the claims, write the page.

    With the networks' checkpoints and their corpus, each layer has a page to explore, too.

    Returns
    -------
    pathlib.Path
        `index.html`, with `results.json` and `figures/` beside it.
    """
    remove_page(folder)
    figures = {
        name: paths
        for network in networks
        for name, paths in draw_figures(network, folder / "figures").items()
    }
    to_explore = [
        write_layer_pages(folder, network, checkpoint, corpus, analysis)
        for network, checkpoint in zip(networks, checkpoints, strict=False)
        if corpus is not None
    ]
    findings = evaluate(networks)
    resolved = training.resolved(len(networks[0].classes))
    results = {
        "settings": {
            "cell": networks[0].cell,
            "corpus": networks[0].corpus,
            "layers": [network.n_layers for network in networks],
            "training": leave_out(resolved.to_dict(), "cell", "layers"),
            "analysis": leave_out(asdict(analysis), "n_threads"),
        },
        **describe_run(command, seconds),
        "networks": [network.to_json() for network in networks],
        "claims": [{"claim": claim, **asdict(finding)} for claim, finding in findings.items()],
        **{
            name: [
                {
                    "n_layers": network.n_layers,
                    "claim": claim.claim,
                    "rule": claim.rule,
                    **asdict(claim.evaluate(network)),
                }
                for network in networks
                if claims is not CONTEXT_CLAIMS or network.context
                for claim in claims
            ]
            for name, claims in (
                ("line_attractor_claims", LINE_ATTRACTOR_CLAIMS),
                ("class_claims", CLASS_CLAIMS),
                ("context_claims", CONTEXT_CLAIMS),
            )
        },
    }
    write_json(folder / RESULTS, results)
    return write_report(folder, networks, findings, figures, results, to_explore)


def do_networks(
    jobs: Sequence[Job], folder: Path, *, workers: int | None, progress: bool
) -> list[Outcome]:
    """Train and analyse networks, those that are left, and tell how each job ended.

    What failed before is tried again. In this process, each network has bars of its own.
    """
    found = run_jobs(
        jobs,
        folder,
        workers=workers,
        retry_failed=True,
        progress=progress and workers is not None,
        tell=progress,
    )
    return [found[job.key] for job in jobs]


def require_done(outcomes: Sequence[Outcome]) -> None:
    """Raise what the first network failed by, if one did."""
    for outcome in outcomes:
        ending = outcome.ending
        if ending.status != DONE:
            raise ending.error or ValueError(f"{outcome.job.label}: {ending.reason}")


def remove_page(folder: Path) -> None:
    """Remove an earlier page, its numbers and its figures, so that nothing old is beside new."""
    drawn = (path for name in DRAWN for path in (folder / "figures").glob(name))
    to_explore = (path for name in EXPLORED for path in folder.glob(name))
    for path in (folder / PAGE, folder / RESULTS, *drawn, *to_explore):
        path.unlink(missing_ok=True)


def describe_run(command: str, seconds: float) -> dict[str, Any]:
    """Return how results came about, for results.json: command, versions, machine, seconds."""
    return {
        "command": command,
        "versions": versions(),
        "machine": {"cores": os.cpu_count()},
        "seconds": seconds,
    }
