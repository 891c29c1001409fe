"""The tables of context.md, of the numbers that `docs.context` keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.context_claims import CONTEXT_CLAIMS
from nullcline.study.context_rows import CONTEXT
from nullcline.sweeps.statistics import wilson_interval
from testing.marked import with_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Row = dict[str, Any]

CORPORA = ("synthetic-context", "sst", "imdb")

_NUMBERS = (
    ("slope of “not”", "slope of not", "{:.2f}"),
    ("slope of negators (median)", "slope of negators", "{:.2f}"),
    ("slope of “very”", "slope of very", "{:.2f}"),
    ("slope of intensifiers (median)", "slope of intensifiers", "{:.2f}"),
    ("slope at the start of a review", "slope at the start", "{:.2f}"),
    ("R² of the linear formula", "R² of the linear formula", "{:.2f}"),
    ("half-life, steps", "half-life", "{:.1f}"),
    ("directions for 90%", "dimension", "{:.0f}"),
    ("reviews with modifiers", "with modifiers: reviews", "{:.0f}"),
    ("accuracy on them", "with modifiers: accuracy", "{:.1%}"),
    ("lost on them without the subspace", "with modifiers: cost", "{:+.1%}"),
    ("lost on them without one of other words", "with modifiers: cost of other words", "{:+.1%}"),
    ("lost on them without a random one", "with modifiers: cost of random", "{:+.1%}"),
    ("accuracy on reviews without modifiers", "without: accuracy", "{:.1%}"),
    ("lost on these without the subspace", "without: cost", "{:+.1%}"),
    ("lost on these without one of other words", "without: cost of other words", "{:+.1%}"),
    ("bag of words in context", "bag of words in context", "{:.1%}"),
    ("recovered of the network's lead", "recovered", "{:.0%}"),
)


def with_results(page: str, results: Sequence[Row]) -> str:
    """Return the page with the tables of these networks."""
    return with_tables(
        page,
        {
            "claims": claims_table(results),
            "cells": cells_table(results),
            **{f"numbers-{name}": numbers_table(_of(results, name)) for name in CORPORA},
            "networks": networks_list(results),
        },
    )


def _of(results: Sequence[Row], corpus: str) -> list[Row]:
    return [row for row in results if row["corpus"] == corpus]


def _by_cell(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    """Yield networks of one cell and size, and what these are called."""
    keys = sorted(
        {(list(CELL_NAMES).index(r["cell"]), r["layers"], r["hidden_size"]) for r in rows}
    )
    for cell, layers, units in keys:
        name = list(CELL_NAMES)[cell]
        own = [
            r for r in rows if (r["cell"], r["layers"], r["hidden_size"]) == (name, layers, units)
        ]
        depth = "" if layers == 1 else f", {layers} layers"
        yield f"{CELL_NAMES[name]}, {units} units{depth}", own


def claims_table(results: Sequence[Row]) -> str:
    """Return in how many networks of each corpus each claim holds, with Wilson's interval."""
    lines = [
        f"| claim | holds when | {' | '.join(CORPORA)} |",
        "|---|---|" + "---:|" * len(CORPORA),
    ]
    for claim in CONTEXT_CLAIMS:
        counts = [_count(_of(results, corpus), claim.name) for corpus in CORPORA]
        lines.append(f"| {claim.claim} | {claim.rule} | {' | '.join(counts)} |")
    return "\n".join(lines)


def cells_table(results: Sequence[Row]) -> str:
    """Return the same by cell, the counts alone."""
    groups = [
        (f"{corpus}: {name}", rows)
        for corpus in CORPORA
        for name, rows in _by_cell(_of(results, corpus))
    ]
    heads = [claim.name for claim in CONTEXT_CLAIMS]
    lines = [f"| networks | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for name, rows in groups:
        counts = [_share(rows, claim) for claim in heads]
        lines.append(f"| {name} | {' | '.join(counts)} |")
    return "\n".join(lines)


def _tested(rows: Sequence[Row], claim: str) -> list[bool]:
    return [row["claims"][claim] for row in rows if row["claims"][claim] is not None]


def _share(rows: Sequence[Row], claim: str) -> str:
    tested = _tested(rows, claim)
    return f"{sum(tested)} of {len(tested)}" if tested else "–"


def _count(rows: Sequence[Row], claim: str) -> str:
    tested = _tested(rows, claim)
    if not tested:
        return "–"
    low, high = wilson_interval(sum(tested), len(tested))
    return f"{sum(tested)} of {len(tested)} ({low:.0%}–{high:.0%})"


def numbers_table(rows: Sequence[Row]) -> str:
    """Return the median over networks of each cell, and from where to where they lie."""
    groups = list(_by_cell(rows))
    heads = [f"{name} ({len(own)})" for name, own in groups]
    lines = [f"| | {' | '.join(heads)} |", "|---|" + "---:|" * len(heads)]
    for label, column, form in _NUMBERS:
        cells = [
            _spread([r["columns"].get(CONTEXT + column) for r in own], form) for _, own in groups
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _spread(values: Sequence[float | None], form: str) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    said = form.format(float(np.median(known)))
    if len(known) > 1:
        said += f" ({form.format(min(known))} to {form.format(max(known))})"
    return said.replace("-", "−")


def networks_list(results: Sequence[Row]) -> str:
    """Return the networks, a line for each corpus."""
    return "\n".join(
        f"- {corpus}: " + ", ".join(f"`{row['name']}`" for row in _of(results, corpus))
        for corpus in CORPORA
        if _of(results, corpus)
    )
