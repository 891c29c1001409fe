"""The tables of misclassified.md, of the numbers that `docs.misclassified` keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docs.misclassified_counts import AMBIGUOUS
from nullcline.explanation.wording import LATE, signed
from nullcline.study.cell_names import CELL_NAMES
from testing.marked import with_tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    Row = dict[str, Any]

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


def with_results(page: str, results: Sequence[Row]) -> str:
    """Return the page with the tables of these networks."""
    tables = {
        "groups": groups_table(results),
        "kinds": kinds_table(results),
        "examples": "\n".join(examples_text(result) for result in results),
        "pictures": "\n".join(picture(result) for result in results),
    }
    return with_tables(page, tables)


def name_of(result: Row) -> str:
    """Return what a network is called in a table."""
    return f"{CELL_NAMES[result['cell']]}, {result['corpus']}"


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
