"""The rows of a table that tell how networks learn: one for each layer after each snapshot."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nullcline.continuation.training_path import BORN, VANISHED
from nullcline.study.appearances import (
    OF_FIRST,
    RULES,
    Appearance,
    accuracy_appears,
    appears,
    lead,
    order,
)
from nullcline.study.network_rows import SETTINGS

if TYPE_CHECKING:
    from nullcline.study.learning_results import Course, Learning
    from nullcline.study.settings import AnalysisSettings
    from nullcline.training import TrainingSettings

Row = dict[str, Any]

_NOTED = ("validation_loss", "validation_accuracy", "training_loss", "training_accuracy")


def learning_rows(
    learning: Learning, training: TrainingSettings, analysis: AnalysisSettings
) -> list[Row]:
    """Return a row for every layer after every snapshot.

    - Which network it is: "corpus", "cell", "n_layers", "layer", "split", "classes", and settings.
    - "snapshot", the step; "epoch", which it ends; "is_kept" and "is_last"; losses and accuracies
      (`nullcline.training.Snapshot`), and "chance".
    - What was measured (`nullcline.study.learning_measures.measure`).
    - "pairs_born" and "pairs_vanished", of fixed points since the snapshot before, and
      "born_of_ghost" and "leaving_ghost", how many of these pairs had a ghost there.
    - For each of `nullcline.study.appearances.RULES`, such as "line": "has_line", whether it holds;
      and, the same in all rows of a layer, "line_step", the snapshot at which it appears,
      "line_after", the one before, "line_lead", by how many steps it leads accuracy,
      "line_lead_least" and "line_lead_most", and "line_order", whether it appears before it or
      after; None for what is of the first layer alone. "accuracy_step" and "accuracy_after" are
      those of accuracy.
    """
    settings = asdict(training)
    common = {
        "corpus": learning.corpus,
        "cell": learning.cell,
        "n_layers": learning.n_layers,
        "split": analysis.split,
        "classes": len(learning.classes),
        **{name: settings[name] for name in (*SETTINGS, "train_size", "snapshot_steps")},
        "chance": learning.chance,
    }
    rows = []
    for number, course in enumerate(learning.courses, 1):
        of_layer = {**common, "layer": number, **_appearances(learning, number)}
        pairs = _pairs(course)
        for at, (snapshot, layer) in enumerate(
            zip(learning.snapshots, learning.layer(number), strict=True)
        ):
            numbers = layer.numbers
            rows.append(
                {
                    **of_layer,
                    "snapshot": snapshot.step,
                    "epoch": snapshot.epoch,
                    "is_kept": snapshot.step == learning.kept,
                    "is_last": snapshot.step == learning.steps[-1],
                    **{name: getattr(snapshot, name) for name in _NOTED},
                    **numbers,
                    **pairs[at],
                    **{
                        f"has_{name}": rule(numbers) if _is_asked(name, number) else None
                        for name, rule in RULES.items()
                    },
                }
            )
    return rows


def _appearances(learning: Learning, number: int) -> Row:
    layer, steps = learning.layer(number), learning.steps
    accuracy = accuracy_appears(learning)
    found: Row = {"accuracy_step": accuracy.step, "accuracy_after": accuracy.after}
    for name in RULES:
        is_asked = _is_asked(name, number)
        one = appears(name, layer, steps) if is_asked else Appearance(None, None)
        exact, least, most = lead(one, accuracy)
        found |= {
            f"{name}_step": one.step,
            f"{name}_after": one.after,
            f"{name}_lead": exact,
            f"{name}_lead_least": least,
            f"{name}_lead_most": most,
            f"{name}_order": order(one, accuracy) if is_asked else None,
        }
    return found


def _is_asked(rule: str, layer: int) -> bool:
    return layer == 1 or rule not in OF_FIRST


def _pairs(course: Course) -> list[Row]:
    """Return for each snapshot which pairs of fixed points came and went since the one before."""
    before = [-1, *course.steps[:-1].tolist()]
    rows = []
    for since, step in zip(before, course.steps.tolist(), strict=True):
        here = [event for event in course.events if since < event.step <= step]
        born, vanished = ([one for one in here if one.what == what] for what in (BORN, VANISHED))
        rows.append(
            {
                "pairs_born": len(born),
                "pairs_vanished": len(vanished),
                "born_of_ghost": sum(one.has_ghost for one in born),
                "leaving_ghost": sum(one.has_ghost for one in vanished),
            }
        )
    return rows
