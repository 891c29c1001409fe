"""The study from one call: train, analyse, draw, judge the paper's claims, write the page."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from nullcline._files import write_json
from nullcline._versions import versions
from nullcline.paper.analysis import AnalysisSettings, analyse
from nullcline.paper.claims import evaluate
from nullcline.paper.figures import draw_figures
from nullcline.paper.report import write_report
from nullcline.paper.results import NetworkAnalysis
from nullcline.text import load_corpus
from nullcline.training import TrainingSettings, train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.text import Corpus
    from nullcline.training import Checkpoint

ANALYSIS_FILE = "analysis.npz"
ANALYSIS_SETTINGS_FILE = "analysis.json"


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
    if not resume and (folder / "networks").exists():
        raise FileExistsError(
            f"{folder} holds results already; go on with them (--resume), or choose another folder"
        )
    start = time.perf_counter()
    training = training or TrainingSettings()
    analysis = analysis or AnalysisSettings()
    reviews = load_corpus(corpus, data_dir=data_dir, seed=training.seed, progress=progress)
    networks = []
    for depth in sorted(set(layers)):
        place = folder / "networks" / f"{depth}-layer"
        _say(f"{depth}-layer network on {reviews.name}", progress=progress)
        checkpoint = train(
            reviews,
            replace(training, layers=depth),
            place,
            data_dir=data_dir,
            device=device,
            resume=resume,
            progress=progress,
        )
        _say(f"test accuracy {checkpoint.test_accuracy:.2%}", progress=progress)
        networks.append(_analysis(checkpoint, reviews, analysis, place, progress=progress))
    _say("figures", progress=progress)
    figures = {
        name: paths
        for network in networks
        for name, paths in draw_figures(network, folder / "figures").items()
    }
    verdicts = evaluate(networks)
    results = {
        "settings": {
            "corpus": reviews.name,
            "layers": sorted(set(layers)),
            "training": _without(training.to_dict(), "layers"),
            "analysis": _without(asdict(analysis), "n_threads"),
        },
        "versions": versions(),
        "machine": {"cores": os.cpu_count()},
        "seconds": time.perf_counter() - start,
        "networks": [network.to_json() for network in networks],
        "claims": [asdict(verdict) for verdict in verdicts],
    }
    write_json(folder / "results.json", results)
    return write_report(folder, networks, verdicts, figures, results)


def _analysis(
    checkpoint: Checkpoint,
    corpus: Corpus,
    settings: AnalysisSettings,
    folder: Path,
    *,
    progress: bool,
) -> NetworkAnalysis:
    """Return the analysis that `folder` holds, if it is of these settings, else make it."""
    record = _without(asdict(settings), "n_threads")
    settings_file = folder / ANALYSIS_SETTINGS_FILE
    if settings_file.is_file() and json.loads(settings_file.read_text("utf-8")) == record:
        return NetworkAnalysis.load(folder / ANALYSIS_FILE)
    settings_file.unlink(missing_ok=True)
    network = analyse(checkpoint, corpus, settings, progress=progress)
    network.save(folder / ANALYSIS_FILE)
    write_json(settings_file, record)
    return network


def _without(settings: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != name}


def _say(message: str, *, progress: bool) -> None:
    if progress:
        tqdm.write(message)
