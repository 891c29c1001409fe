"""What holds of learning over many networks: what comes first, what is born, what overfits."""

from __future__ import annotations

import shlex
import sys
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import numpy as np

from nullcline._support.files import write_json
from nullcline._support.records import as_json
from nullcline._support.versions import versions
from nullcline.study.appearances import AFTER, BEFORE, NEVER, RULES, TOGETHER
from nullcline.study.network_groups import OF_TRAINING, grouped, varying
from nullcline.sweeps import Section
from nullcline.sweeps.statistics import quartiles, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nullcline.study.learning_rows import Row

GROUP = ("corpus", "cell", "n_layers", "layer", "hidden_size", "split")
"""What networks have in common that are summed up together; they differ in their seed."""

SPREAD_BY = ("train_size", "classes", *OF_TRAINING, "snapshot_steps")
"""What else sets groups apart, where it differs between networks of one corpus and cell."""

COMPARED = (
    "validation_loss", "validation_accuracy", "training_loss", "training_accuracy", "fixed",
    "unstable", "slow", "spectral_radius", "participation_ratio", "line_aspect", "line_variance",
    "line_length", "words_rho", "readout_to_left", "review_readout_r2", "next_change_r2",
    "distance_to_cloud",
)  # fmt: skip
"""Numbers of the kept epoch that are set beside those of the last."""


def learning_summaries(rows: Sequence[Row]) -> list[Section]:
    """Return the tables that sum up the rows of `nullcline.study.learning_rows.learning_rows`.

    None if there are no such rows.
    """
    own = [row for row in rows if "accuracy_step" in row]
    if not own:
        return []
    rules = ", ".join(RULES)
    return [
        Section(
            "appearances",
            "When each network learns what",
            "The snapshot at which validation accuracy is half of the way from chance to that of "
            f"the kept epoch, and that at which each of {rules} appears in a layer; by how many "
            "steps it leads accuracy, and the least and the most that this may be between two "
            "snapshots.",
            appearances(own),
        ),
        Section(
            "leads",
            "What comes first",
            "In how many networks each appears before accuracy, at the same snapshot, after it, "
            "and never; the share of networks in which it is there by then (before, or together) "
            "with Wilson's interval of 95%; and how its lead in steps is spread.",
            leads(own),
        ),
        Section(
            "births",
            "How fixed points come and go",
            "The most fixed points of a layer at a snapshot, over networks; how many pairs of "
            "points are born in folds between snapshots, and vanish; and how many of these pairs "
            "come of a ghost, a minimum of the speed at the snapshot before, or leave one.",
            births(own),
        ),
        Section(
            "overfitting",
            "What changes from the kept epoch to the last",
            "Each number at the epoch of lowest validation loss and at the last one, in networks "
            "that went on: medians, quartiles of the difference, and in how many it rises.",
            overfitting(own),
        ),
    ]


def write_results(rows: Sequence[Row], folder: Path, cpu_seconds: float) -> Path:
    """Write the same tables to `results.json`, with the command that made them; return the file.

    Parameters
    ----------
    rows
        Those of the sweep.
    folder
        The sweep's.
    cpu_seconds
        How long processors worked on the measures, without training.
    """
    path = folder / "results.json"
    tables = {one.name: list(one.rows) for one in learning_summaries(rows)}
    command = f"nullcline {shlex.join(sys.argv[1:])}"
    write_json(
        path,
        as_json({"command": command, "versions": versions(), "cpu_seconds": cpu_seconds, **tables}),
    )
    return path


def appearances(rows: Sequence[Row]) -> list[Row]:
    """Return a row for each layer of each network: when what appears in it."""
    names = [
        "accuracy_step", "accuracy_after",
        *(f"{rule}_{what}" for rule in RULES
          for what in ("step", "after", "lead", "lead_least", "lead_most", "order")),
    ]  # fmt: skip
    which = (*GROUP, *varying(rows, SPREAD_BY), "seed")
    return [{name: row.get(name) for name in (*which, *names)} for row in rows if row["is_last"]]


def leads(rows: Sequence[Row]) -> list[Row]:
    """Return for each group and rule how often it appears before accuracy, and by how much."""
    found = []
    for group, layers in _groups([row for row in rows if row["is_last"]]):
        for rule in RULES:
            orders = Counter(row[f"{rule}_order"] for row in layers)
            known = [row[f"{rule}_lead"] for row in layers if row[f"{rule}_lead"] is not None]
            there, of = orders[BEFORE] + orders[TOGETHER], len(layers) - orders[None]
            low, high = wilson_interval(there, of) if of else (None, None)
            found.append(
                {
                    **group,
                    "what": rule,
                    **{when: orders[when] for when in (BEFORE, TOGETHER, AFTER, NEVER)},
                    "of": of,
                    "share_by_then": there / of if of else None,
                    "low": low,
                    "high": high,
                    **_spread([float(lead) for lead in known]),
                }
            )
    return found


def births(rows: Sequence[Row]) -> list[Row]:
    """Return for each group how many fixed points there are at most, and how they came."""
    counted = ("pairs_born", "born_of_ghost", "pairs_vanished", "leaving_ghost")
    found = []
    for group, layers in _groups(rows):
        most: defaultdict[int, int] = defaultdict(int)
        for row in layers:
            most[row["seed"]] = max(most[row["seed"]], row["fixed"])
        totals = {name: sum(row[name] for row in layers) for name in counted}
        spread = _spread([float(count) for count in most.values()])
        found.append({**group, "networks": len(most), **spread, **totals})
    return found


def overfitting(rows: Sequence[Row]) -> list[Row]:
    """Return for each group and number its median at the kept and at the last epoch."""
    found = []
    for group, layers in _groups(rows):
        kept = {row["seed"]: row for row in layers if row["is_kept"] and not row["is_last"]}
        last = {row["seed"]: row for row in layers if row["is_last"]}
        for name in COMPARED:
            both = [(_value(row, name), _value(last[seed], name)) for seed, row in kept.items()]
            pairs = [pair for pair in both if None not in pair]
            if pairs:
                before, after = np.array(pairs, float).T
                found.append(
                    {
                        **group,
                        "number": name,
                        "networks": len(pairs),
                        "kept": float(np.median(before)),
                        "last": float(np.median(after)),
                        "rises": int(np.sum(after > before)),
                        **_spread((after - before).tolist()),
                    }
                )
    return found


def _value(row: Row, name: str) -> float | None:
    """Return a number; of a mode's sign that is a convention, without a readout, its modulus."""
    value: float | None = row[name]
    return abs(value) if name == "words_rho" and value and row["n_layers"] > 1 else value


def _spread(values: Sequence[float]) -> Row:
    names = ("least", "lower", "median", "upper", "greatest")
    return dict(quartiles(values)) if values else dict.fromkeys(names)


def _groups(rows: Sequence[Row]) -> list[tuple[Row, list[Row]]]:
    return grouped(rows, (*GROUP, *varying(rows, SPREAD_BY)))
