"""What pickles and copies of an object hold: what it was made of, never what was compiled of it."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeVar

import numpy as np

_T = TypeVar("_T")


def own_state(thing: object, *left_out: str) -> dict[str, Any]:
    """Return an object's attributes without those left out and those computed on demand.

    What a `cached_property` has kept can be had again, and may outweigh all else.
    """
    own = type(thing)
    computed = {name for name in vars(thing) if isinstance(getattr(own, name, 0), cached_property)}
    return {
        name: value for name, value in vars(thing).items() if name not in {*left_out, *computed}
    }


def frozen(value: _T) -> _T:
    """Return read-only copies of arrays, also of those in a tuple or a list.

    A pickle forgets that an array was read-only, and may leave it in memory that others own.
    """
    if isinstance(value, np.ndarray):
        copy: Any = np.array(value, order="C")
        copy.flags.writeable = False
        return copy  # type: ignore[no-any-return]
    if isinstance(value, tuple | list):
        return type(value)(map(frozen, value))
    return value
