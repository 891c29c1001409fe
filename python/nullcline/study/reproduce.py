"""The study from one call: train, analyse, draw, evaluate the claims, write the page."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from nullcline._support.files import write_json
from nullcline._support.versions import versions
from nullcline.study.analysis import analyse
from nullcline.study.claims import evaluate
from nullcline.study.figures import draw_figures
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS
from nullcline.study.line_attractor_claims import evaluate as evaluate_line_attractor
from nullcline.study.report import write_report
from nullcline.study.results import NetworkAnalysis
from nullcline.study.settings import AnalysisSettings
from nullcline.text import load_corpus
from nullcline.training import TrainingSettings, train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.text import Corpus
    from nullcline.training import Checkpoint


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
        `index.html`.
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
    FileExistsError
        The folder holds results and `resume` is False.
    ValueError
        No layers, a depth below 1, or settings that do not fit what the folder holds.
    """
    folder = Path(out)
    if not layers:
        raise ValueError("layers must name at least one depth, for example (1, 3)")
    require_empty(folder, resume=resume)
    start = time.perf_counter()
    training = training or TrainingSettings()
    analysis = analysis or AnalysisSettings()
    reviews = load_corpus(
        corpus,
        data_dir=data_dir,
        classes=training.classes,
        seed=training.seed,
        progress=progress,
    )
    networks = []
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
    say("figures", progress=progress)
    command = f"nullcline reproduce --corpus {corpus} --layers {' '.join(map(str, layers))}"
    seconds = time.perf_counter() - start
    return write_page(folder, networks, training, analysis, command=command, seconds=seconds)


def require_empty(folder: Path, *, resume: bool) -> None:
    """Raise `FileExistsError` if the folder holds results, unless they are to be resumed."""
    if not resume and (folder / "networks").exists():
        raise FileExistsError(
            f"{folder} holds results already; go on with them (--resume), or choose another folder"
        )


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
    if settings_file.is_file() and json.loads(settings_file.read_text("utf-8")) == record:
        return NetworkAnalysis.load(file)
    settings_file.unlink(missing_ok=True)
    network = analyse(checkpoint, corpus, settings, progress=progress)
    network.save(file)
    write_json(settings_file, record)
    return network


def write_page(
    folder: Path,
    networks: Sequence[NetworkAnalysis],
    training: TrainingSettings,
    analysis: AnalysisSettings,
    *,
    command: str,
    seconds: float,
) -> Path:
    """Draw the figures of networks of one cell and corpus, evaluate the claims, write the page.

    Returns
    -------
    pathlib.Path
        `index.html`, with `results.json` and `figures/` beside it.
    """
    figures = {
        name: paths
        for network in networks
        for name, paths in draw_figures(network, folder / "figures").items()
    }
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
    write_json(folder / "results.json", results)
    return write_report(folder, networks, findings, figures, results)


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
