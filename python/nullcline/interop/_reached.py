"""What a function reaches: what it is bound to, closes over, names, or has for arguments."""

from __future__ import annotations

import functools
import inspect
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LIBRARIES = ("torch.", "jax.", "flax.", "equinox.")
"""Whose functions reach nothing of the user's."""


def reached_by(f: object, is_wanted: Callable[[Any], bool]) -> Iterator[Any]:
    """Yield what is wanted of all that a function reaches, by the functions that it calls."""
    seen: set[int] = set()
    ahead: list[Any] = [f]
    for owner in (f, getattr(f, "__self__", None)):
        if owner is not None and not is_wanted(owner):
            ahead += getattr(owner, "__dict__", {}).values()
    while ahead:
        item = ahead.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if is_wanted(item):
            yield item
        elif isinstance(item, functools.partial):
            ahead += [item.func, *item.args, *item.keywords.values()]
        elif inspect.ismethod(item):
            ahead += [item.__self__, item.__func__]
        elif isinstance(item, dict):
            ahead += item.values()
        elif isinstance(item, list | tuple):
            ahead += item
        elif inspect.isfunction(item) and not str(item.__module__).startswith(_LIBRARIES):
            ahead += _named_by(item)


def _named_by(function: Any) -> list[Any]:
    """Return what a function closes over, has for default arguments, or names."""
    names = set(_names(function.__code__))
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    return [
        *cells,
        *(function.__defaults__ or ()),
        *(function.__kwdefaults__ or {}).values(),
        *(value for name, value in function.__globals__.items() if name in names),
    ]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - raises where it is empty
    except ValueError:
        return False
    return True
