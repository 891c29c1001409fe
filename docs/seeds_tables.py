"""The tables and sentences over seeds of the pages, in Markdown, all of them made of rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from docs.seeds_changes import changes, discussion
from docs.seeds_differences import (
    differing_claims,
    differing_numbers,
    sizes_apart,
)
from docs.seeds_formats import table
from docs.seeds_numbers import (
    numbers_by_depth,
    numbers_by_kind,
    points_by_depth,
    rotations_by_depth,
    shares_by_kind,
    slowness_by_depth,
)
from docs.seeds_selection import CORPORA, OF_LINES, capped, place_of_corpus
from docs.seeds_verdicts import (
    verdicts_by_cell,
    verdicts_on_depth,
    verdicts_on_lines,
    verdicts_on_others,
    verdicts_on_paper,
)
from docs.seeds_whole_reviews import (
    beside_capped,
    changed,
    depths_beside_page,
    of_whole_reviews,
    papers_claims_of_whole,
)
from nullcline.study.cell_names import CELL_NAMES
from nullcline.study.group_differences import number_differences, share_differences
from nullcline.study.network_groups import one_each, rows_of_trained
from nullcline.study.over_seeds import claim_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = dict[str, Any]


def every_table(
    rows: Sequence[Row], made: Row, single: Sequence[Row], page: Sequence[Row]
) -> dict[str, str]:
    """Return all tables and sentences, by the names of their marks.

    Parameters
    ----------
    rows, made
        Of `docs.seeds_results.load`.
    single
        What the pages of single networks say (`docs.over_seeds.single_networks`).
    page
        The networks of the page on IMDB (docs/imdb/results.json).
    """
    main = capped(rows)
    claims, numbers = share_differences(main), number_differences(main)
    shares = claim_shares(main)
    tables = {
        "over-seeds": counted(main, made),
        "verdicts-lines": verdicts_on_lines(main, single),
        "verdicts-paper": verdicts_on_paper(main, single),
        "verdicts-others": verdicts_on_others(main),
        "verdicts-depth": verdicts_on_depth(main),
        **{f"by-cell-{corpus}": verdicts_by_cell(shares, corpus) for corpus in CORPORA},
        "changes": changes(main, single),
        "discussion": discussion(main, single, sizes_apart(claims, numbers)),
        "seeds-claims": shares_by_kind(main, OF_LINES),
        "seeds-numbers": numbers_by_kind(main),
        "seeds-depth": numbers_by_depth(main),
        "seeds-points": points_by_depth(main),
        "seeds-slowness": slowness_by_depth(main),
        "seeds-rotations": rotations_by_depth(main),
        "sizes-claims": differing_claims(claims, "units"),
        "sizes-numbers": differing_numbers(numbers, "units"),
        "depths-claims": differing_claims(claims, "layers"),
        "depths-numbers": differing_numbers(numbers, "layers"),
        "left-out": left_out(made),
        "seeds-made": how_made(made),
    }
    # What single runs say of themselves stays where no sweep has read whole reviews.
    if len(main) < len(rows):
        whole = of_whole_reviews(rows)
        tables["whole-reviews-depth"] = numbers_by_depth(whole)
        tables["whole-reviews-points"] = points_by_depth(whole)
        tables["whole-reviews-slowness"] = slowness_by_depth(whole)
        tables["whole-reviews-rotations"] = rotations_by_depth(whole)
        tables["whole-reviews"] = beside_capped(rows)
        tables["whole-reviews-page"] = depths_beside_page(rows, page)
        tables["whole-reviews-papers"] = papers_claims_of_whole(rows, single)
        tables["whole-reviews-changed"] = changed(rows, page, single)
    return tables


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
        return "There are none: all were trained to their end, and are better than chance."
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
            "–" if one["analysis_cpu_seconds"] is None else _long(one["analysis_cpu_seconds"]),
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
