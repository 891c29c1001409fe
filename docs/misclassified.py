"""What networks did with reviews that they got wrong: `python -m docs.misclassified CHECKPOINT`.

Several checkpoints can be named. Of each network's mistakes on the test reviews, and of as many
reviews that it got right, a random sample is explained; what is counted goes to
`misclassified/CORPUS-CELL.json` with a picture beside the others, and the tables of all networks
are written between the marks of misclassified.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np

from docs.misclassified_counts import Reading, counted, examples
from docs.misclassified_tables import with_results
from nullcline._support.files import replacing, write_json, write_text
from nullcline._support.reading import read_json
from nullcline.explanation import background_of, explain
from nullcline.explanation.errors import read_texts
from nullcline.plotting.theme import BLUE, VERMILION, style
from nullcline.text import load_corpus
from nullcline.training import load_checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from nullcline.explanation import Explanation

    Row = dict[str, Any]

PARTS = 20
"""Parts of a review at which the running logit is looked at."""

SEED = 0


def main(folders: Sequence[Path], docs: Path, n_sample: int, n_among: int | None) -> None:
    """Write numbers, pictures and tables."""
    for folder in folders:
        measure(folder, docs, n_sample, n_among)
    results = [
        read_json(path, "results") for path in sorted((docs / "misclassified").glob("*.json"))
    ]
    page = docs / "misclassified.md"
    write_text(page, with_results(page.read_text("utf-8"), results))


def measure(folder: Path, docs: Path, n_sample: int, n_among: int | None) -> None:
    """Explain a network's mistakes, and count."""
    checkpoint = load_checkpoint(folder)
    corpus = load_corpus(
        checkpoint.corpus, classes=checkpoint.settings.classes, seed=checkpoint.settings.seed
    )
    if len(corpus.classes) != 2:
        raise ValueError(f"{folder} must hold a network of two classes, not {len(corpus.classes)}")
    background = background_of(checkpoint, corpus, seed=SEED, progress=True)
    among = np.sort(np.random.default_rng(SEED).permutation(len(corpus.test))[:n_among])
    labels = corpus.test.labels[among]
    logits = read_texts(checkpoint, [corpus.test.texts[row] for row in among], progress=True)
    rows = among[drawn(logits.argmax(axis=1) != labels, n_sample)].tolist()
    explanations = explain(
        checkpoint,
        [corpus.test.texts[row] for row in rows],
        labels=[int(corpus.test.labels[row]) for row in rows],
        background=background,
        progress=True,
    )
    readings = [Reading(row, found) for row, found in zip(rows, explanations, strict=True)]
    name = f"{corpus.name}-{checkpoint.settings.cell}"
    record = {
        "corpus": corpus.name,
        "cell": checkpoint.settings.cell,
        "checkpoint_sha256": checkpoint.sha256,
        "test_accuracy": checkpoint.test_accuracy,
        "bag_of_words": background.bag_accuracy,
        **counted(readings),
        "examples": examples(readings),
        "among": over_all(logits, labels),
    }
    (docs / "misclassified").mkdir(exist_ok=True)
    write_json(docs / "misclassified" / f"{name}.json", record)
    draw(readings, docs / "images" / f"misclassified-{name}.png")


def drawn(wrong: NDArray[np.bool_], n: int) -> list[int]:
    """Return n reviews that are wrong and n that are right, drawn at random, or as many as are."""
    rng = np.random.default_rng(SEED)
    kinds = (np.flatnonzero(wrong), np.flatnonzero(~wrong))
    size = min(n, *(len(kind) for kind in kinds))
    return [row for kind in kinds for row in np.sort(rng.permutation(kind)[:size]).tolist()]


def over_all(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> Row:
    """Return what is known of all reviews among which mistakes were looked for."""
    predicted = logits.argmax(axis=1)
    certain = np.abs(logits[:, 1] - logits[:, 0])
    return {
        "reviews": len(labels),
        "wrong": int(np.sum(predicted != labels)),
        "false_positive": int(np.sum((predicted == 1) & (labels == 0))),
        "false_negative": int(np.sum((predicted == 0) & (labels == 1))),
        "median_margin_wrong": float(np.median(certain[predicted != labels])),
        "median_margin_right": float(np.median(certain[predicted == labels])),
    }


def draw(readings: Sequence[Reading], path: Path) -> None:
    """Draw the running logit towards the true class, and where verdicts turned."""
    with style():
        figure, (course, turns) = plt.subplots(1, 2, figsize=(8.6, 3.3), layout="constrained")
        for wrong, colour, name in ((False, BLUE, "right"), (True, VERMILION, "wrong")):
            found = [reading.found for reading in readings if reading.is_wrong == wrong]
            runs = np.array([towards_truth(e) for e in found])
            low, middle, high = np.quantile(runs, [0.25, 0.5, 0.75], axis=0)
            place = np.linspace(0, 1, PARTS + 1)
            course.fill_between(place, low, high, color=colour, alpha=0.2, linewidth=0)
            course.plot(place, middle, color=colour, label=name, ls="-" if wrong else "--")
            places = [0.0 if e.turn is None else e.turn.place for e in found]
            turns.hist(
                places, np.linspace(0, 1, 11), color=colour, histtype="step", lw=1.6, label=name,
                ls="-" if wrong else "--", weights=np.full(len(places), 100 / len(places)),
            )  # fmt: skip
        course.axhline(0, color="grey", lw=0.8)
        course.set(
            xlabel="part of the review that was read", ylabel="logit towards the true class",
            title="Median and quartiles",
        )  # fmt: skip
        turns.set(
            xlabel="where the verdict turned for the last time (0: never)",
            ylabel="percent of reviews", title="The last turn",
        )  # fmt: skip
        course.legend()
        turns.legend()
        with replacing(path) as temporary:
            figure.savefig(temporary)
        plt.close(figure)


def towards_truth(found: Explanation) -> NDArray[np.float64]:
    """Return the running logit of the true class at `PARTS` parts of the review."""
    place = np.linspace(0, len(found), PARTS + 1)
    logits = np.interp(place, np.arange(len(found) + 1), found.logits)
    return logits if found.label == 1 else -logits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", nargs="*", type=Path, help="none: the tables alone")
    parser.add_argument("--sample", type=int, default=150, help="wrong reviews, and right ones")
    parser.add_argument("--among", type=int, help="test reviews to look among; all by default")
    options = parser.parse_args()
    main(options.checkpoints, Path(__file__).parent, options.sample, options.among)
