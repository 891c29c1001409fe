"""The tables and sentences over seeds of the pages, in Markdown, all of them made of rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from docs.seeds_selection import (
    NAMED,
    capped,
    claim_sentence,
    kind_name,
    kinds_first,
    papers_claims,
    place_of_corpus,
    usual_units,
)
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.depth_claims import depth_shares
from nullcline.study.group_differences import DISCOVERED, number_differences, share_differences
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS
from nullcline.study.network_groups import numbers_of, one_each, rows_of_trained
from nullcline.study.over_seeds import claim_shares, verdicts
from nullcline.study.verdicts import DEPENDS, FAILS, HOLDS, TOO_FEW, verdict_on
from nullcline.sweeps.statistics import quartiles, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Row = dict[str, Any]

OF_LINES = tuple(claim.name for claim in LINE_ATTRACTOR_CLAIMS)

SIGNS = {HOLDS: "✓", FAILS: "✗", DEPENDS: "~", TOO_FEW: ""}

NOTHING = "*No networks of this kind are in the results yet.*"


def every_table(rows: Sequence[Row], made: Row, single: Sequence[Row]) -> dict[str, str]:
    """Return all tables and sentences, by the names of their marks.

    Parameters
    ----------
    rows, made
        Of `docs.seeds_results.load`.
    single
        What the pages of single networks say (`docs.over_seeds.single_networks`).
    """
    main = capped(rows)
    tables = {
        "over-seeds": counted(main, made),
        "verdicts-lines": verdicts_on_lines(main, single),
        "verdicts-paper": verdicts_on_paper(main, single),
        "verdicts-others": verdicts_on_others(main),
        "verdicts-depth": verdicts_on_depth(main),
        "changes": changes(main, single),
        "discussion": discussion(main, single),
        "seeds-claims": shares_by_kind(main, OF_LINES),
        "seeds-numbers": numbers_by_kind(main),
        "seeds-depth": numbers_by_depth(main),
        "seeds-points": points_by_depth(main),
        "differences-claims": differing_claims(main, "units", "layers"),
        "differences-numbers": differing_numbers(main, "units", "layers"),
        "left-out": left_out(made),
        "seeds-made": how_made(made),
    }
    # What single runs say of themselves stays where no sweep has read whole reviews.
    if len(main) < len(rows):
        tables["whole-reviews"] = whole_reviews(rows)
        tables["whole-reviews-claims"] = differing_claims(rows, "reading")
        tables["whole-reviews-numbers"] = differing_numbers(rows, "reading")
    return tables


# Formats


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Return a table whose first columns are texts, and others numbers; or that there is none."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return NOTHING
    marks = ["---"] * left + ["---:"] * (len(head) - left)
    return "\n".join([f"| {' | '.join(head)} |", f"|{'|'.join(marks)}|", *lines])


def share(holds: int, of: int) -> str:
    """Return a share with its interval: 18 of 20, 70–97%."""
    low, high = wilson_interval(holds, of)
    return f"{holds} of {of}, {100 * low:.0f}–{100 * high:.0f}%"


def number(value: float, digits: int = 3) -> str:
    """Return a number with some digits, and a minus sign."""
    return f"{value:.{digits}g}".replace("-", "−")


def points(value: float | None) -> str:
    """Return a difference of shares in points of a hundred."""
    return "–" if value is None else f"{100 * value:+.0f}".replace("-", "−")


def spread(values: Sequence[float], shown: Callable[[float], str] = number) -> str:
    """Return a median with the quartiles: 4 [3, 5]; one number alone as it is."""
    if not values:
        return "–"
    found = quartiles(values)
    if found["least"] == found["greatest"]:
        return shown(found["median"])
    return f"{shown(found['median'])} [{shown(found['lower'])}, {shown(found['upper'])}]"


def percent(value: float) -> str:
    """Return a share in percent."""
    return f"{value:.1%}"


# What there is


def counted(rows: Sequence[Row], made: Row) -> str:
    """Return which networks there are, and how many are in no share."""
    kinds: defaultdict[tuple[str, int, int], Counter[str]] = defaultdict(Counter)
    for row in one_each(rows_of_trained(rows)):
        kinds[row["corpus"], row["n_layers"], row["hidden_size"]][row["cell"]] += 1
    lines = [
        [
            kind[0],
            *map(str, kind[1:]),
            str(cells.total()),
            ", ".join(f"{CELL_NAMES[cell]} {cells[cell]}" for cell in CELL_NAMES if cells[cell]),
        ]
        for kind, cells in sorted(
            kinds.items(), key=lambda item: (place_of_corpus(item[0][0]), *item[0])
        )
    ]
    head = ["corpus", "layers", "units", "networks", "of each cell"]
    n_left = len(made["left_out"])
    words = "1 network is" if n_left == 1 else f"{n_left} networks are"
    said = f"\n\n{words} in no share; [why](#networks-in-no-share)."
    return table(head, lines) + said


def left_out(made: Row) -> str:
    """Return the networks that are in no share."""
    if not made["left_out"]:
        return "There are none: every network that was asked for was trained, and analysed."
    head = ["corpus", "cell", "layers", "units", "seed", "why"]
    names = ("corpus", "cell", "layers", "hidden_size", "seed", "why")
    return table(head, [[str(row[name]) for name in names] for row in made["left_out"]], 2)


def how_made(made: Row) -> str:
    """Return the commands, and how long each took on what."""
    lines = [
        [
            f"`nullcline sweep docs/seeds/{one['name']}.toml --out {one['name']}`",
            str(one["networks"]),
            _long(one["training_seconds"]),
            _long(one["analysis_cpu_seconds"]),
            "; ".join(one["machines"]),
        ]
        for one in made["sweeps"]
    ]
    head = ["command", "networks", "training", "analyses", "machine"]
    return table(head, lines)


def _long(seconds: float) -> str:
    """Return a time in seconds, minutes or hours."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


# Verdicts


def verdicts_on_lines(rows: Sequence[Row], single: Sequence[Row]) -> str:
    """Return the verdict on each claim of the line attractor, of one-layer networks."""
    of_one = [row for row in rows if row["n_layers"] == 1]
    return _verdicts(of_one, OF_LINES, single)


def verdicts_on_others(rows: Sequence[Row]) -> str:
    """Return the verdict on each claim that is neither of the line nor of the paper on GRUs."""
    known = {*OF_LINES, *papers_claims(rows)}
    names = list(dict.fromkeys(row["claim"] for row in claim_shares(rows)))
    return _verdicts(rows, [name for name in names if name not in known], [])


def _verdicts(rows: Sequence[Row], names: Sequence[str], single: Sequence[Row]) -> str:
    head = ["claim", *(["one network each"] if single else []), "layers", "units", "over seeds",
            "cells and corpora: holds, depends, fails", "verdict"]  # fmt: skip
    lines = []
    for row in sorted(verdicts(rows), key=lambda one: (one["n_layers"], one["hidden_size"])):
        if row["claim"] in names:
            before = [one["holds"] for one in single if one["claim"] == row["claim"]]
            lines.append(
                [
                    f"{claim_sentence(row['claim'])}",
                    *([f"{sum(before)} of {len(before)}"] if single else []),
                    str(row["n_layers"]),
                    str(row["hidden_size"]),
                    share(row["holds"], row["of"]),
                    f"{row['kinds_holds']}, {row['kinds_depends']}, {row['kinds_fails']}",
                    _said(row["verdict"], row["on"]),
                ]
            )
    lines.sort(key=lambda line: [claim_sentence(name) for name in names].index(line[0]))
    return table(head, lines)


def verdicts_on_depth(rows: Sequence[Row]) -> str:
    """Return the verdict on each claim about networks of several depths, by cell and units."""
    lines = [
        [
            claim_sentence(row["claim"]),
            kind_name(row),
            str(row["hidden_size"]),
            row["depths"],
            share(row["holds"], row["of"]),
            _said(row["verdict"]),
        ]
        for row in depth_shares(rows_of_trained(rows))
    ]
    lines.sort(key=lambda line: line[0])
    return table(["claim", "corpus, cell", "units", "depths", "seeds", "verdict"], lines, 2)


def _said(verdict: str, on: str = "") -> str:
    names = {"seed": "the seed", "kind": "the kind", "seed, kind": "the seed and the kind"}
    return f"**{verdict}**" + (f" on {names[on]}" if on else "")


def verdicts_on_paper(rows: Sequence[Row], single: Sequence[Row]) -> str:
    """Return the verdict on each claim of the paper on GRUs, on IMDB."""
    imdb = [row for row in rows if row["corpus"] == "imdb"]
    shares = claim_shares(imdb)
    sizes = sorted({row["hidden_size"] for row in imdb})
    lines = []
    for claim in papers_claims(imdb):
        before = [one["holds"] for one in single if one["claim"] == claim]
        of_gru = {row["hidden_size"]: row for row in shares
                  if row["claim"] == claim and row["cell"] == "gru"}  # fmt: skip
        others = [row for row in shares if row["claim"] == claim and row["cell"] != "gru"]
        lines.append(
            [
                claim,
                "–" if not before else "✓" if before[0] else "✗",
                *(_of_size(of_gru.get(size)) for size in sizes),
                _together(others),
            ]
        )
    head = ["claim", "one GRU of 256", *(f"GRUs of {size} units" for size in sizes), "other cells"]
    return table(head, lines)


def _of_size(row: Row | None) -> str:
    return "–" if row is None else f"{share(row['holds'], row['of'])}: {_said(row['verdict'])}"


def _together(rows: Sequence[Row]) -> str:
    if not rows:
        return "–"
    holds, of = (sum(row[name] for row in rows) for name in ("holds", "of"))
    return f"{holds} of {of}"


# What changes


def compared(rows: Sequence[Row], single: Sequence[Row]) -> list[tuple[Row, str]]:
    """Return each thing that a single network said, with what the networks over seeds make of it.

    Of a kind with several sizes, those are meant of which there are most networks.
    """
    shares = claim_shares(rows)
    found = []
    for one in single:
        names = ("corpus", "cell", "n_layers", "claim")
        own = [row for row in shares if all(row[name] == one[name] for name in names)]
        if own:
            most = max(own, key=lambda row: row["of"])
            verdict = verdict_on(most["holds"], most["of"])
            same = {HOLDS: True, FAILS: False}.get(verdict)
            said = {DEPENDS: "a draw", TOO_FEW: "open"}.get(verdict)
            found.append((one, said or ("stands" if one["holds"] is same else "reversed")))
    return found


OUTCOMES = ("stands", "a draw", "reversed", "open")


def changes(rows: Sequence[Row], single: Sequence[Row]) -> str:
    """Return which conclusions of the pages of single networks change, claim by claim."""
    found = compared(rows, single)
    lines = []
    for claim in dict.fromkeys(one["claim"] for one, _ in found):
        own = [(kind_name(one), said) for one, said in found if one["claim"] == claim]
        cells = [[name for name, outcome in own if outcome == said] for said in OUTCOMES]
        shown = [str(len(cells[0])), *(_listed(names) for names in cells[1:])]
        lines.append([claim_sentence(claim), *shown])
    return table(["claim", *OUTCOMES], lines, left=1)


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)}: {'; '.join(names)}" if names else "0"


def discussion(rows: Sequence[Row], single: Sequence[Row]) -> str:
    """Return what all this changes for a reader of the two papers, in sentences."""
    found = Counter(said for _, said in compared(rows, single))
    total = sum(found.values())
    if not total:
        return NOTHING
    of_one = [row for row in verdicts([row for row in rows if row["n_layers"] == 1])
              if row["claim"] in OF_LINES and row["hidden_size"] == usual_units(rows)]  # fmt: skip
    over = {said: [row["claim"] for row in of_one if row["verdict"] == said]
            for said in (HOLDS, DEPENDS, FAILS, TOO_FEW)}  # fmt: skip
    sentences = [
        f"- The pages of single networks draw {total} conclusions, each of one claim and one kind "
        f"of network, of which there are networks over seeds. {found['stands']} of them stand, "
        f"{found['a draw']} were a draw (the claim holds in some networks of the kind and fails in "
        f"others), {found['reversed']} are reversed, and on {found['open']} fewer than six "
        "networks can say nothing.",
        f"- Of the {len(of_one)} claims about line attractors, in networks of one layer of "
        f"{usual_units(rows)} units, over all corpora and cells: " + _sums(over) + ".",
    ]
    paper = [(name, row) for name, row in _papers_shares(rows)]
    said = {verdict: [name for name, row in paper if row["verdict"] == verdict]
            for verdict in (HOLDS, DEPENDS, FAILS, TOO_FEW)}  # fmt: skip
    if paper:
        counts = ", ".join(_counted(names, verdict) for verdict, names in said.items() if names)
        sentences.append(
            f"- Of the {len(paper)} claims of the paper on GRUs, of one and of three layers, in "
            f"GRUs of {usual_units(rows)} units on IMDB: {counts}."
        )
    return "\n".join(sentences)


VERBS = {
    HOLDS: ("holds", "hold"),
    DEPENDS: ("depends", "depend"),
    FAILS: ("fails", "fail"),
    TOO_FEW: ("is of too few networks", "are of too few networks"),
}
"""What one claim does by its verdict, and what several do."""


def _counted(names: Sequence[str], verdict: str) -> str:
    return f"{len(names)} {VERBS[verdict][len(names) > 1]}"


def _papers_shares(rows: Sequence[Row]) -> list[tuple[str, Row]]:
    own = [row for row in claim_shares(rows) if row["corpus"] == "imdb" and row["cell"] == "gru"
           and row["hidden_size"] == usual_units(rows)]  # fmt: skip
    return [(row["claim"], row) for row in own if row["claim"] in papers_claims(rows)]


def _sums(over: dict[str, list[str]]) -> str:
    parts = []
    for verdict, names in over.items():
        if names:
            parts.append(f"{_counted(names, verdict)} ({', '.join(names)})")
    return "; ".join(parts) or "none has been evaluated"


# Shares and numbers, kind by kind


def shares_by_kind(rows: Sequence[Row], names: Sequence[str]) -> str:
    """Return in how many networks each claim holds, of one layer, by corpus, cell and units."""
    shares = [row for row in claim_shares(rows) if row["n_layers"] == 1]
    lines = []
    for kind in kinds_first(shares):
        own = {row["claim"]: row for row in shares if _kind(row) == kind}
        cells = [
            f"{SIGNS[own[name]['verdict']]} {share(own[name]['holds'], own[name]['of'])}".strip()
            if name in own
            else "–"
            for name in names
        ]
        lines.append([kind[0], CELL_NAMES[kind[1]], str(kind[2]), *cells])
    return table(["corpus", "cell", "units", *names], lines, 2)


def _kind(row: Row) -> tuple[str, str, int]:
    return row["corpus"], row["cell"], row["hidden_size"]


COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("accuracy", "test_accuracy", percent),
    ("dimensions", "participation_ratio", number),
    ("fixed points", "fixed", number),
    ("slow points", "slow", number),
    ("longest τ", "time_constants", number),
    ("the line's variance", "line_variance", lambda value: f"{value:.0%}"),
    ("R²: a step's change", "next_change_r2", lambda value: f"{value:.2f}".replace("-", "−")),
    ("a review's readout", "review_readout_r2", lambda value: f"{value:.2f}".replace("-", "−")),
    ("words' ρ", "words_rho", lambda value: f"{value:.2f}".replace("-", "−")),
)
"""Numbers of the tables: heading, column, and how one is written."""


def numbers_by_kind(rows: Sequence[Row]) -> str:
    """Return how numbers are spread in networks of one layer, by corpus, cell and units."""
    trained = [row for row in rows_of_trained(rows) if row["n_layers"] == 1]
    lines = []
    for kind in kinds_first(trained):
        own = [row for row in trained if _kind(row) == kind]
        numbers = numbers_of(own)
        cells = [spread(numbers.get(name, []), shown) for _, name, shown in COLUMNS]
        lines.append([kind[0], CELL_NAMES[kind[1]], str(kind[2]), str(len(own)), *cells])
    return table(["corpus", "cell", "units", "networks", *(one[0] for one in COLUMNS)], lines, 2)


def numbers_by_depth(rows: Sequence[Row]) -> str:
    """Return how accuracy and dimensions are spread on IMDB, by cell, units and depth."""
    head = ["cell", "units", "layers", "networks", "accuracy", "two components explain, by layer",
            "dimensions, by layer"]  # fmt: skip
    lines = [
        [
            *kind,
            spread([row["test_accuracy"] for row in layers[0]], percent),
            "; ".join(
                spread([row["variance_of_two"] for row in one], lambda value: f"{value:.0%}")
                for one in layers
            ),
            "; ".join(spread([row["participation_ratio"] for row in one]) for one in layers),
        ]
        for kind, layers in _by_depth(rows)
    ]
    return table(head, lines)


def points_by_depth(rows: Sequence[Row]) -> str:
    """Return how many points layers have on IMDB, by cell, units and depth."""
    head = ["cell", "units", "layers", "networks", "fixed points, by layer",
            "slow points, by layer", "first point unstable in, by layer",
            "distance from the states, by layer"]  # fmt: skip
    lines = [
        [
            *kind,
            "; ".join(_counts(one, "fixed") for one in layers),
            "; ".join(_counts(one, "slow") for one in layers),
            "; ".join(_some(one, "outside_circle") for one in layers),
            "; ".join(spread(numbers_of(one).get("distance_to_cloud", [])) for one in layers),
        ]
        for kind, layers in _by_depth(rows)
    ]
    return table(head, lines)


def _by_depth(rows: Sequence[Row]) -> list[tuple[list[str], list[list[Row]]]]:
    """Return cell, units, layers and networks of each kind on IMDB, and the rows of each layer."""
    kind = itemgetter("cell", "hidden_size", "n_layers")
    trained = [row for row in rows_of_trained(rows) if row["corpus"] == "imdb"]
    cells = list(CELL_NAMES)
    found = []
    for own in sorted(set(map(kind, trained)), key=lambda own: (cells.index(own[0]), *own[1:])):
        cell, units, depth = own
        of_kind = [row for row in trained if kind(row) == own]
        layers = [[row for row in of_kind if row["layer"] == at] for at in range(1, depth + 1)]
        found.append(([CELL_NAMES[cell], str(units), str(depth), str(len(layers[0]))], layers))
    return found


def _counts(rows: Sequence[Row], name: str) -> str:
    """Return how many networks have so many points: 3 in 6, 1 in 2."""
    found = Counter(row[name] for row in rows)
    if len(found) == 1:
        return str(next(iter(found)))
    return ", ".join(f"{value} in {times}" for value, times in sorted(found.items()))


def _some(rows: Sequence[Row], name: str) -> str:
    """Return in how many networks a number of the first point is above zero."""
    values = numbers_of(rows).get(name, [])
    return f"{sum(value > 0 for value in values)} of {len(values)}" if values else "–"


# Differences


def differing_claims(rows: Sequence[Row], *axes: str) -> str:
    """Return where shares differ along axes, by the rate of false discoveries of all.

    Of whole reviews, which few networks have read, all are shown that differ at all.
    """
    found = [row for row in share_differences(rows) if row["axis"] in axes]
    shown = [row for row in found if row["rate"] <= DISCOVERED
             or (row["axis"] == "reading" and row["difference"] != 0)]  # fmt: skip
    head = ["what differs", "corpus, cell", "claim", "there", "here", "difference, 95%", "rate"]
    lines = [
        [
            _what(row),
            _where(row),
            claim_sentence(row["claim"]),
            f"{row['holds_there']} of {row['of_there']}",
            f"{row['holds_here']} of {row['of_here']}",
            f"{points(row['difference'])} ({points(row['low'])} to {points(row['high'])})",
            number(row["rate"], 2),
        ]
        for row in shown
    ]
    return _counted_differences(found, "claims") + _table_of_differences(head, lines)


def differing_numbers(rows: Sequence[Row], *axes: str) -> str:
    """Return where the numbers of the tables differ along axes.

    Of whole reviews, which few networks have read, all are shown, of the last layers.
    """
    of_tables = {name: heading for heading, name, _ in COLUMNS}
    names = of_tables | NAMED
    found = [row for row in number_differences(rows) if row["axis"] in axes]
    shown = [
        row
        for row in found
        if (row["number"] in names and row["rate"] <= DISCOVERED)
        or (
            row["axis"] == "reading"
            and row["number"] in of_tables
            and row["layer"] == row["n_layers"]
        )
    ]
    head = ["what differs", "corpus, cell", "number", "median there", "here", "shift, 95%", "rate"]
    lines = [
        [
            _what(row),
            _where(row),
            names[row["number"]],
            number(row["median_there"]),
            number(row["median_here"]),
            number(row["shift"]) + _ends(row),
            number(row["rate"], 2),
        ]
        for row in shown
    ]
    return _counted_differences(found, "numbers") + _table_of_differences(head, lines)


def _table_of_differences(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n\n" + table(head, lines, 3) if lines else ""


def _ends(row: Row) -> str:
    if row["low"] is None:
        return " (too few for an interval)"
    return f" ({number(row['low'])} to {number(row['high'])})"


def _what(row: Row) -> str:
    unit = {"units": " units", "layers": " layers", "reading": ""}[row["axis"]]
    return f"{row['there']}{unit}, not {row['here']}"


def _where(row: Row) -> str:
    words = [row["corpus"], CELL_NAMES[row["cell"]]]
    if row["axis"] != "layers":
        words.append(f"{row['n_layers']} layers" if row["n_layers"] > 1 else "1 layer")
        if row.get("layer") and row["n_layers"] > 1:
            words.append(f"layer {row['layer']}")
    if row["axis"] != "units":
        words.append(f"{row['hidden_size']} units")
    return ", ".join(words)


def _counted_differences(found: Sequence[Row], what: str) -> str:
    apart = sum(row["low"] is not None and (row["low"] > 0 or row["high"] < 0) for row in found)
    sure = sum(row["rate"] <= DISCOVERED for row in found)
    return (
        f"Comparisons of {what}: {len(found)}. With an interval that leaves out zero, as one in "
        f"twenty has by chance alone: {apart}. At a rate of false discoveries of 5%: {sure}."
    )


def whole_reviews(rows: Sequence[Row]) -> str:
    """Return networks that read whole reviews beside those that read the last tokens."""
    imdb = [row for row in one_each(rows_of_trained(rows)) if row["corpus"] == "imdb"]
    kind = itemgetter("cell", "hidden_size", "n_layers")
    of_whole = {kind(row) for row in imdb if row["max_tokens"] is None}
    head = ["cell", "layers", "units", "tokens read", "networks", "epoch kept", "validation loss",
            "test accuracy"]  # fmt: skip
    lines = []
    for cell, units, depth in sorted(of_whole):
        own = [row for row in imdb if kind(row) == (cell, units, depth)]
        for cap in sorted({row["max_tokens"] for row in own}, key=lambda cap: cap is None):
            group = [row for row in own if row["max_tokens"] == cap]
            lines.append(
                [
                    CELL_NAMES[cell],
                    str(depth),
                    str(units),
                    "all" if cap is None else f"the last {cap}",
                    str(len(group)),
                    spread([row["best_epoch"] for row in group]),
                    spread([row["validation_loss"] for row in group]),
                    spread([row["test_accuracy"] for row in group], lambda value: f"{value:.2%}"),
                ]
            )
    return table(head, lines)
