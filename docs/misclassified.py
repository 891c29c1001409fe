"""What networks did with reviews that they got wrong: `python -m docs.misclassified CHECKPOINT`.

Several checkpoints can be named. Of each network's mistakes on the test reviews, and of as many
reviews that it got right, a random sample is explained; what is counted goes to
`misclassified/CORPUS-CELL.json` with a picture beside the others, and the tables of all networks
are written between the marks of misclassified.md.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np

from nullcline._support.files import replacing, write_json, write_text
from nullcline._support.reading import read_json
from nullcline.explanation import background_of, explain
from nullcline.explanation.errors import read_texts
from nullcline.explanation.showing import harmless
from nullcline.explanation.wording import LATE, signed
from nullcline.plotting.theme import BLUE, VERMILION, style
from nullcline.study.cell_names import CELL_NAMES
from nullcline.text import load_corpus
from nullcline.training import load_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from nullcline.explanation import Explanation

    Row = dict[str, Any]

AMBIGUOUS = 1.0
"""The bag of words is in two minds where its logit is smaller: probabilities of 0.27 to 0.73."""

PARTS = 20
"""Parts of a review at which the running logit is looked at."""

EXCERPT = 12
"""Words of an excerpt, at most."""

LOUDEST = 8
"""Words that are listed of each kind of mistake."""

SEED = 0


@dataclass(frozen=True)
class Reading:
    """A review, where it stands among the test reviews, and its explanation."""

    row: int
    found: Explanation

    @property
    def is_wrong(self) -> bool:
        """Whether the network got it wrong."""
        return self.found.is_right is False


def main(folders: Sequence[Path], docs: Path, n_sample: int, n_among: int | None) -> None:
    """Write numbers, pictures and tables."""
    for folder in folders:
        measure(folder, docs, n_sample, n_among)
    results = [
        read_json(path, "results") for path in sorted((docs / "misclassified").glob("*.json"))
    ]
    write_tables(results, docs / "misclassified.md")


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


# Counting


def counted(readings: Sequence[Reading]) -> Row:
    """Return what is counted, of wrong and of right reviews, and of either verdict."""
    of = {
        "wrong": [r.found for r in readings if r.is_wrong],
        "right": [r.found for r in readings if not r.is_wrong],
    }
    kinds = {
        f"{'false' if wrong == 'wrong' else 'true'} {('negative', 'positive')[predicted]}": [
            e for e in found if e.predicted == predicted
        ]
        for wrong, found in of.items()
        for predicted in (1, 0)
    }
    return {
        "groups": {name: group(found) for name, found in of.items()},
        "kinds": {name: sums(found) for name, found in kinds.items()},
        "rest": {
            "said": float(readings[0].found.baseline),
            "kind": readings[0].found.baseline_kind,
        },
    }


def group(found: Sequence[Explanation]) -> Row:
    """Return what is counted of a group of reviews."""

    def share(holds: Callable[[Explanation], bool]) -> float:
        return float(np.mean([holds(e) for e in found]))

    def median(value: Callable[[Explanation], float]) -> float:
        return float(np.median([value(e) for e in found]))

    return {
        "n": len(found),
        "median_words": median(len),
        "median_margin": median(lambda e: abs(e.logit)),
        "never_turned": share(lambda e: e.turn is None),
        "turned_late": share(lambda e: e.turn is not None and e.turn.place > LATE),
        "median_turns": median(lambda e: 0 if e.turn is None else e.turn.changes),
        "other_verdict_at_half": share(lambda e: e.verdicts[len(e) // 2] != e.predicted),
        "bag_wrong": share(lambda e: e.bag is not None and e.bag.predicted != e.label),
        "bag_ambiguous": share(lambda e: e.bag is not None and abs(e.bag.logit) < AMBIGUOUS),
        "unknown_words": float(np.mean([np.mean(~e.known) for e in found])),
        "many_unknown": share(lambda e: bool(np.mean(~e.known) > 0.05)),
        "cut": share(lambda e: e.unread > 0),
        "flips_without_a_word": share(lambda e: flips(e, left_out=True)),
        "flips_with_another_word": share(lambda e: flips(e, left_out=False)),
        "words_cancel": median(cancelled),
        "changed_by_what_followed": median(changed_later),
    }


def flips(found: Explanation, *, left_out: bool) -> bool:
    """Tell whether leaving one word out, or putting another in its place, flips the verdict."""
    return any(c.flips for c in found.changes if (c.replacement is None) == left_out)


def cancelled(found: Explanation) -> float:
    """Return which part of the shares is undone by shares of the other sign, in [0, 1]."""
    return 1 - abs(float(found.shares.sum())) / float(np.abs(found.shares).sum())


def changed_later(found: Explanation) -> float:
    """Return how much of what words did at once was changed by those that followed."""
    at_once = np.abs(found.at_once).sum()
    return float(np.abs(found.shares - found.at_once).sum() / at_once)


def sums(found: Sequence[Explanation]) -> Row:
    """Return what the mean logit of some reviews is made of, and its loudest words."""

    def mean(value: Callable[[Explanation], float]) -> float:
        return float(np.mean([value(e) for e in found])) if found else 0.0

    return {
        "n": len(found),
        "logit": mean(lambda e: e.logit),
        "at_rest": mean(lambda e: e.baseline),
        "start": mean(lambda e: e.start),
        "words_for_positive": mean(lambda e: e.shares[e.shares > 0].sum()),
        "words_for_negative": mean(lambda e: e.shares[e.shares < 0].sum()),
        "bag_logit": mean(lambda e: 0.0 if e.bag is None else e.bag.logit),
        "loudest": loudest(found),
    }


def loudest(found: Sequence[Explanation]) -> list[Row]:
    """Return the words whose shares of the verdict are largest in sum, over reviews."""
    total: dict[str, float] = {}
    reviews: dict[str, set[int]] = {}
    for i, explanation in enumerate(found):
        sign = 1 if explanation.predicted == 1 else -1
        for word, share in zip(explanation.tokens, explanation.shares, strict=True):
            total[word] = total.get(word, 0.0) + sign * float(share)
            reviews.setdefault(word, set()).add(i)
    ranked = sorted(total, key=lambda word: -total[word])[:LOUDEST]
    return [{"word": w, "sum": total[w], "reviews": len(reviews[w])} for w in ranked]


# Examples


def examples(readings: Sequence[Reading]) -> list[Row]:
    """Return mistakes, each chosen by a rule."""
    wrong = [reading for reading in readings if reading.is_wrong]
    turned = [reading for reading in wrong if reading.found.turn is not None]
    rules: dict[str, tuple[list[Reading], Callable[[Explanation], float]]] = {
        "the most certain": (wrong, lambda e: abs(e.logit)),
        "the least certain": (wrong, lambda e: -abs(e.logit)),
        "turned last": (turned, lambda e: 0 if e.turn is None else e.turn.place),
        "turned most often": (turned, lambda e: 0 if e.turn is None else e.turn.changes),
        "most against the bag of words": (
            wrong,
            lambda e: 0.0 if e.bag is None else -e.bag.logit * np.sign(e.logit),
        ),
    }
    return [
        {"rule": rule, **example(max(among, key=lambda reading: value(reading.found)))}
        for rule, (among, value) in rules.items()
        if among
    ]


def example(reading: Reading) -> Row:
    """Return what the network did with one review, and a few of its words."""
    found = reading.found
    told = found.telling_changes(2)
    return {
        "row": reading.row,
        "label": found.classes[found.label or 0],
        "words": len(found),
        "logit": found.logit,
        "bag_logit": None if found.bag is None else found.bag.logit,
        "turn": None if found.turn is None else found.turn.word + 1,
        "turns": 0 if found.turn is None else found.turn.changes,
        "excerpt": excerpt(found),
        "loudest": [
            {"word": harmless(found.tokens[i]), "share": float(found.shares[i])}
            for i in found.strongest(4)
        ],
        "changes": [
            {
                "word": harmless(found.tokens[change.word]),
                "replacement": change.replacement,
                "logit": change.logit,
            }
            for change in told
        ],
    }


def excerpt(found: Explanation) -> str:
    """Return a few words of a review: those around its turn, or around its loudest word."""
    centre = found.strongest(1)[0] if found.turn is None else found.turn.word
    first = max(0, min(centre - EXCERPT // 2, len(found) - EXCERPT))
    words = found.tokens[first : first + EXCERPT]
    before, after = first > 0, first + EXCERPT < len(found)
    return harmless(f"{'… ' if before else ''}{' '.join(words)}{' …' if after else ''}")


# The picture


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


# The tables


def write_tables(results: Sequence[Row], page: Path) -> None:
    """Write the tables between their marks."""
    tables = {
        "groups": groups_table(results),
        "kinds": kinds_table(results),
        "examples": "\n".join(examples_text(result) for result in results),
        "pictures": "\n".join(picture(result) for result in results),
    }
    text = page.read_text("utf-8")
    for name, table in tables.items():
        start, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, rest = text.split(start)
        text = before + start + table + end + rest.partition(end)[2]
    write_text(page, text)


def name_of(result: Row) -> str:
    """Return what a network is called in a table."""
    return f"{CELL_NAMES[result['cell']]}, {result['corpus']}"


_COUNTS = (
    ("reviews explained", "n", "{:.0f}"),
    ("words read (median)", "median_words", "{:.0f}"),
    ("distance of the logit from 0 (median)", "median_margin", "{:.2f}"),
    ("the verdict never turned", "never_turned", "{:.0%}"),
    (f"it turned after {LATE:.0%} of the words", "turned_late", "{:.0%}"),
    ("times that it turned (median)", "median_turns", "{:.0f}"),
    ("another verdict at half of the words", "other_verdict_at_half", "{:.0%}"),
    ("the bag of words is wrong", "bag_wrong", "{:.0%}"),
    (f"its logit is below {AMBIGUOUS:.0f}", "bag_ambiguous", "{:.0%}"),
    ("unknown words (mean)", "unknown_words", "{:.1%}"),
    ("more than 5% unknown words", "many_unknown", "{:.0%}"),
    ("the beginning is not read", "cut", "{:.0%}"),
    ("leaving one word out flips the verdict", "flips_without_a_word", "{:.0%}"),
    ("another word in its place flips it", "flips_with_another_word", "{:.0%}"),
    ("of the shares cancelled by others (median)", "words_cancel", "{:.0%}"),
    ("of what words did at once changed later (median)", "changed_by_what_followed", "{:.0%}"),
)


def groups_table(results: Sequence[Row]) -> str:
    """Return what was counted, a column for wrong and for right reviews of each network."""
    heads = [f"{name_of(r)}: {kind}" for r in results for kind in ("wrong", "right")]
    lines = [f"| | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for label, key, form in _COUNTS:
        cells = [
            form.format(r["groups"][kind][key]) for r in results for kind in ("wrong", "right")
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def kinds_table(results: Sequence[Row]) -> str:
    """Return what the mean logit is made of, for right and wrong verdicts of either class."""
    lines = [
        "| network | verdict | reviews | logit | at rest | start | words for positive "
        "| words for negative | bag of words | loudest words (sum of shares; reviews) |",
        "|---|---|" + "---:|" * 7 + "---|",
    ]
    for result in results:
        for kind, found in result["kinds"].items():
            numbers = " | ".join(
                signed(found[key])
                for key in (
                    "logit", "at_rest", "start", "words_for_positive", "words_for_negative",
                    "bag_logit",
                )
            )  # fmt: skip
            words = ", ".join(
                f"{code(w['word'])} ({abs(w['sum']):.1f}; {w['reviews']})" for w in found["loudest"]
            )
            lines.append(f"| {name_of(result)} | {kind} | {found['n']} | {numbers} | {words} |")
    return "\n".join([*lines, ""])


def examples_text(result: Row) -> str:
    """Return one network's examples."""
    lines = [f"**{name_of(result)}**\n"]
    for found in distinct(result["examples"]):
        times = "once" if found["turns"] == 1 else f"{found['turns']} times"
        turn = (
            "The verdict never turned"
            if found["turn"] is None
            else f"The verdict turned {times}, last at word {found['turn']}"
        )
        loud = ", ".join(f"{code(w['word'])} {signed(w['share'])}" for w in found["loudest"])
        changes = "; ".join(
            f"without {code(c['word'])} {signed(c['logit'])}"
            if c["replacement"] is None
            else f"{code(c['replacement'])} for {code(c['word'])} {signed(c['logit'])}"
            for c in found["changes"]
        )
        lines.append(
            f"- *{found['rule'].capitalize()}* (test review {found['row']}, {found['label']}, "
            f"{found['words']} words; logit {signed(found['logit'])}, bag of words "
            f"{signed(found['bag_logit'])}): “{plain(found['excerpt'])}”. {turn}. Loudest: {loud}. "
            f"One word changed: {changes}."
        )
    return "\n".join([*lines, ""])


def distinct(found: Sequence[Row]) -> list[Row]:
    """Return every review once, by all of the rules that chose it."""
    by_row: dict[int, Row] = {}
    for one in found:
        known = by_row.get(one["row"])
        rule = one["rule"] if known is None else f"{known['rule']} and {one['rule']}"
        by_row[one["row"]] = {**one, "rule": rule}
    return list(by_row.values())


def picture(result: Row) -> str:
    """Return the picture of a network, in Markdown."""
    name = f"misclassified-{result['corpus']}-{result['cell']}"
    called = name_of(result)
    return f"**{called}**\n\n![{called}: the running logit, and the last turn](images/{name}.png)\n"


def code(word: str) -> str:
    """Return a word as code, whatever marks it is made of."""
    return f"`` {word} ``" if "`" in word else f"`{word}`".replace("|", "\\|")


def plain(text: str) -> str:
    """Return a text that Markdown takes for nothing else."""
    for mark in "\\`*_<>[]|$":
        text = text.replace(mark, f"\\{mark}")
    return text


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoints", nargs="*", type=Path, help="none: the tables alone")
    parser.add_argument("--sample", type=int, default=150, help="wrong reviews, and right ones")
    parser.add_argument("--among", type=int, help="test reviews to look among; all by default")
    options = parser.parse_args()
    main(options.checkpoints, Path(__file__).parent, options.sample, options.among)
