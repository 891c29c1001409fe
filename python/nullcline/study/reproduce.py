"""The study from one call: train, analyse, draw, evaluate the claims, write the page."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from nullcline._support.files import remove_abandoned, sha256, write_json
from nullcline._support.folder_lock import locked
from nullcline._support.versions import versions
from nullcline.study.analysis import analyse
from nullcline.study.claims import evaluate
from nullcline.study.figures import draw_figures
from nullcline.study.interactive_pages import write_layer_pages
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS
from nullcline.study.line_attractor_claims import evaluate as evaluate_line_attractor
from nullcline.study.report import PAGE, write_report
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.text import load_corpus
from nullcline.training import TrainingSettings, train

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nullcline.text import Corpus
    from nullcline.training import Checkpoint

RESULTS = "results.json"
DRAWN = ("figure-*.png", "figure-*.svg", "train-size.png")
"""The figures of a page, or of the summary."""

EXPLORED = ("explore-layer-*.html", "plotly.min.js")
"""The pages to explore beside a page, and the script that they share."""

EDITION = 3
"""Of what an analysis holds: one of an earlier edition is made anew, from the same network."""


def reproduce(
    out: str | os.PathLike[str],
    *,
    corpus: str = "synthetic",
    layers: Sequence[int] = (1, 3),
    training: TrainingSettings | None = None,
    analysis: AnalysisSettings | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    device: str | None = None,
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
        "synthetic", "imdb", "sst", or the path of a CSV file with text and label.
    layers
        Depths of the networks to train; the paper's are 1, 2, 3 and 4.
    training, analysis
        Settings; the paper's by default. The depth in `training` is replaced by each of `layers`.
        Their `classes` are the classes of the corpus that is loaded.
    data_dir
        Folder with local copies of corpora and word vectors.
    device
        Where to train; by default a CUDA device if there is one, else the CPU.
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
            resume=resume, progress=progress,
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
    resume: bool,
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
    networks, checkpoints = [], []
    for depth in sorted(set(layers)):
        place = folder / "networks" / f"{depth}-layer"
        checkpoint = train_or_load(
            reviews,
            replace(training, layers=depth),
            place,
            data_dir=data_dir,
            device=device,
            resume=resume,
            progress=progress,
        )
        networks.append(analyse_or_load(checkpoint, reviews, analysis, place, progress=progress))
        checkpoints.append(checkpoint)
    say("figures", progress=progress)
    command = f"nullcline reproduce --corpus {corpus} --layers {' '.join(map(str, layers))}"
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


def train_or_load(
    corpus: Corpus,
    settings: TrainingSettings,
    folder: Path,
    *,
    data_dir: str | os.PathLike[str] | None,
    device: str | None,
    resume: bool,
    progress: bool,
) -> Checkpoint:
    """Return the network that `folder` holds, or train it, from where an earlier run stopped."""
    name = f"{settings.layers}-layer {settings.cell.upper()}"
    some = "" if settings.train_size is None else f", {settings.train_size} reviews"
    say(f"{name} on {corpus.name}{some}", progress=progress)
    checkpoint = train(
        corpus,
        settings,
        folder,
        data_dir=data_dir,
        device=device,
        resume=resume,
        progress=progress,
    )
    say(f"test accuracy {checkpoint.test_accuracy:.2%}", progress=progress)
    return checkpoint


def analyse_or_load(
    checkpoint: Checkpoint,
    corpus: Corpus,
    settings: AnalysisSettings,
    folder: Path,
    *,
    progress: bool,
) -> NetworkAnalysis:
    """Return the analysis that `folder` holds, if it is of these settings; else analyse anew."""
    name = "analysis" if settings.split == "test" else f"analysis-{settings.split}"
    settings_file, file = folder / f"{name}.json", folder / f"{name}.npz"
    record = leave_out(asdict(settings), "n_threads")  # threads change no result
    record["edition"] = EDITION
    if checkpoint.sha256 is not None:
        record["checkpoint_sha256"] = checkpoint.sha256
    with locked(folder, "out"):
        remove_abandoned(folder)
        noted = _noted(settings_file)
        if leave_out(noted, "analysis_sha256") == record:
            return _load_analysis(file, noted.get("analysis_sha256"))
        settings_file.unlink(missing_ok=True)
        network = analyse(checkpoint, corpus, settings, progress=progress)
        network.save(file)
        write_json(settings_file, {**record, "analysis_sha256": sha256(file)})
        return network


def _noted(settings_file: Path) -> dict[str, Any]:
    """Return what is noted of an analysis; nothing where there is none, or no sense in it."""
    try:
        noted = json.loads(settings_file.read_text("utf-8"))
    except (FileNotFoundError, ValueError, RecursionError):
        return {}
    return noted if isinstance(noted, dict) else {}


def _load_analysis(file: Path, expected: str | None) -> NetworkAnalysis:
    found = NetworkAnalysis.load(file)
    if expected not in {None, sha256(file)}:
        raise ValueError(
            f"{file} is damaged, or of another run than the settings beside it; remove it, and "
            "the settings"
        )
    return found


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
    # The study that this one repeats is of GRUs; its claims are no other cell's.
    findings = evaluate([network for network in networks if network.cell == "gru"])
    results = {
        "settings": {
            "cell": networks[0].cell,
            "corpus": networks[0].corpus,
            "layers": [network.n_layers for network in networks],
            "training": leave_out(training.resolved().to_dict(), "cell", "layers"),
            "analysis": leave_out(asdict(analysis), "n_threads"),
        },
        **describe_run(command, seconds),
        "networks": [network.to_json() for network in networks],
        "claims": [{"claim": claim, **asdict(finding)} for claim, finding in findings.items()],
        "line_attractor_claims": [
            {
                "n_layers": network.n_layers,
                "claim": claim.claim,
                "rule": claim.rule,
                **asdict(finding),
            }
            for network in networks
            for claim, finding in zip(
                LINE_ATTRACTOR_CLAIMS, evaluate_line_attractor(network), strict=True
            )
        ],
    }
    write_json(folder / RESULTS, results)
    return write_report(folder, networks, findings, figures, results, to_explore)


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


def leave_out(settings: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the settings, some left out."""
    return {key: value for key, value in settings.items() if key not in names}


def say(message: str, *, progress: bool) -> None:
    """Print a line above the progress bars, if there are any."""
    if progress:
        tqdm.write(message)
