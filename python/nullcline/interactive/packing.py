"""How numbers and texts travel in a page: small, exact to float32, and never as markup."""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import ArrayLike, NDArray

LONGEST_TEXT = 300
"""Characters of a state's text that are kept, as many as are read while hovering."""

_NO_MARKUP = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def packed_floats(values: ArrayLike) -> str:
    """Return numbers as float32, little-endian, in base64; what is not finite becomes NaN."""
    with np.errstate(over="ignore"):
        array = np.asarray(values, np.float64).astype("<f4")
    array[~np.isfinite(array)] = np.nan
    return base64.b64encode(array.tobytes()).decode("ascii")


def packed_places(places: NDArray[np.floating[Any]]) -> str:
    """Return places, shape (n, 3), one axis after the other."""
    return packed_floats(places.T)


def packed_choices(values: Sequence[str]) -> dict[str, Any]:
    """Return texts, many of which may be equal: the distinct ones in order, and which each is."""
    distinct = in_order(set(values))
    numbers = {value: i for i, value in enumerate(distinct)}
    index = np.asarray([numbers[value] for value in values], "<i4").tobytes()
    return {"distinct": distinct, "index": base64.b64encode(index).decode("ascii")}


def in_order(values: Collection[str]) -> list[str]:
    """Return texts in order, those that are all numbers by size: of texts 10 comes before 9."""
    try:
        return sorted(values, key=lambda value: (float(value), value))
    except ValueError:
        return sorted(values)


def number(value: float) -> float | None:
    """Return a number, with as many digits as are read; None for what is not finite."""
    value = float(value)
    return float(f"{value:.6g}") if math.isfinite(value) else None


def clean(text: object) -> str:
    """Return a text as UTF-8 can hold it: half a pair of surrogates becomes a question mark."""
    return str(text).encode("utf-8", "replace").decode("utf-8")


def clipped(text: object) -> str:
    """Return a text, cut with an ellipsis where nobody would read on."""
    found = clean(text)
    return found if len(found) <= LONGEST_TEXT else found[: LONGEST_TEXT - 1] + "…"


def as_script(record: Any) -> str:
    """Return a record as JSON that can stand in a page: no text in it ends a script or begins one.

    Raises
    ------
    ValueError
        If it holds NaN or infinity, which JSON has no word for.
    """
    text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character, escaped in _NO_MARKUP.items():
        text = text.replace(character, escaped)
    return text
