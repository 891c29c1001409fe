"""What the table of a sweep holds of modifiers: columns that begin with "context: "."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nullcline.study.context_results import ContextAnalysis

CONTEXT = "context: "
"""What the columns begin with."""


def context_columns(context: ContextAnalysis | None) -> dict[str, Any]:
    """Return a network's columns; none where modifiers were not analysed.

    Slopes are the factors by which a modifier multiplies what words do, the median of negators and
    of intensifiers and those of four words (None where a vocabulary has not got it); "other slopes"
    the 5% and 95% quantiles of other common words. "half-life" is in steps, None where it is longer
    than was followed. Accuracies and their differences are in [0, 1].
    """
    if context is None:
        return {}
    slopes = dict(zip(context.modifiers, context.slopes.tolist(), strict=True))
    half_life = float(np.median(context.half_lives))
    columns: dict[str, Any] = {
        "modifiers": len(context.modifiers),
        "slope of negators": context.median_slope("negator"),
        "slope of intensifiers": context.median_slope("intensifier"),
        **{f"slope of {word}": slopes.get(word) for word in ("not", "never", "very", "extremely")},
        "other slopes": np.quantile(context.other_slopes, [0.05, 0.95]).tolist(),
        "slope at the start": context.start_slope,
        "R² of the linear formula": context.linear_r2,
        "told apart": context.told_apart,
        "half-life": half_life if np.isfinite(half_life) else None,
        "τ of carriers": float(np.median(context.carriers)),
        "dimension": context.dimension,
        "along the line": context.along_line,
        "bag of words in context": context.bag_in_context_accuracy,
        "recovered": context.recovered,
    }
    for reviews in ("with modifiers", "without"):
        found = context.ablation(reviews)
        own = found and {
            "reviews": found.modifiers.n,
            "accuracy": found.modifiers.first,
            "cost": found.modifiers.difference,
            "cost, low": found.modifiers.low,
            "cost, high": found.modifiers.high,
            "p": found.modifiers.p_value,
            "cost of other words": float(np.mean(found.other_words)) - found.modifiers.first,
            "cost of random": float(np.mean(found.random)) - found.modifiers.first,
        }
        columns |= {f"{reviews}: {name}": value for name, value in (own or {}).items()}
    return {f"{CONTEXT}{name}": value for name, value in columns.items()}
