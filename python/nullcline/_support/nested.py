"""Values in containers in containers: taken apart in a fixed order, and put together again.

Containers are mappings, lists, tuples, named ones too, and dataclasses; None stands for itself; all
else is a leaf.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def leaves(nest: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf with its name: the keys, fields or places that lead to it, with dots."""
    items = _items(nest)
    if items is None:
        yield name, nest
        return
    for key, value in items:
        yield from leaves(value, f"{name}.{key}" if name else str(key))


def rebuilt(nest: Any, values: Sequence[Any]) -> Any:
    """Return a nest like this one with other leaves, in the order of `leaves`."""
    ahead = iter(values)

    def build(part: Any) -> Any:
        if (items := _items(part)) is None:
            return next(ahead)
        if part is None:
            return None
        made = [build(value) for _, value in items]
        if isinstance(part, Mapping):
            return _mapping(part, dict(zip(part, made, strict=True)))
        if _is_dataclass(part):
            names = [name for name, _ in items]
            return dataclasses.replace(part, **dict(zip(names, made, strict=True)))
        return type(part)(*made) if hasattr(part, "_fields") else type(part)(made)

    return build(nest)


def entries(nest: Any) -> list[tuple[str, Any]]:
    """Return what a container holds with the names of its places; nothing of a leaf."""
    return [(str(name), value) for name, value in _items(nest) or []]


def matched(nest: Any, other: Any) -> list[Any] | None:
    """Return what a nest of the same form holds in place of each leaf; None of another form.

    Lists and tuples are alike, and a mapping or a dataclass may hold more than is asked for.
    """
    items = _items(nest)
    if items is None:
        return None if other is None or _items(other) is not None else [other]
    if nest is None:
        return [] if other is None else None
    values = _beside(nest, items, other)
    if values is None:
        return None
    found: list[Any] = []
    for (_, value), there in zip(items, values, strict=True):
        if (inside := matched(value, there)) is None:
            return None
        found += inside
    return found


def _beside(nest: Any, items: list[tuple[Any, Any]], other: Any) -> list[Any] | None:
    """Return what another container of the same form holds at each place; None of another form."""
    if isinstance(nest, Mapping):
        is_alike = isinstance(other, Mapping) and nest.keys() <= other.keys()
        return [other[key] for key, _ in items] if is_alike else None
    if _is_dataclass(nest):
        is_alike = _is_dataclass(other) and all(hasattr(other, name) for name, _ in items)
        return [getattr(other, name) for name, _ in items] if is_alike else None
    is_alike = isinstance(other, list | tuple) and len(other) == len(items)
    return list(other) if is_alike else None


def _items(nest: Any) -> list[tuple[Any, Any]] | None:
    """Return what a container holds, by key or place; None of a leaf."""
    if nest is None:
        return []
    if isinstance(nest, Mapping):
        return list(nest.items())
    if isinstance(nest, list | tuple):
        names = getattr(nest, "_fields", range(len(nest)))
        return list(zip(names, nest, strict=True))
    if _is_dataclass(nest):
        own = dataclasses.fields(nest)
        return [(field.name, getattr(nest, field.name)) for field in own if field.init]
    return None


def _is_dataclass(nest: Any) -> bool:
    return dataclasses.is_dataclass(nest) and not isinstance(nest, type)


def _mapping(like: Mapping[Any, Any], values: dict[Any, Any]) -> Any:
    """Return values in a mapping of the same class, where it is made of another mapping."""
    if type(like) is dict:
        return values
    make: Any = type(like)
    try:
        made = make(**values) if _is_dataclass(like) else make(values)
        is_same = all(made[key] is value for key, value in values.items())
    except Exception:  # noqa: BLE001 - whatever a class of somebody's may raise
        return values
    return made if is_same and len(made) == len(values) else values
