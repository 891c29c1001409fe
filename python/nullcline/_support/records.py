"""Records (dataclasses) as plain data that JSON and .npz files can hold, and back again.

`pack` and `unpack` lose nothing: arrays are set apart, each under the place that it has in the
record, and the types of the record's fields say how to read it back. `as_json` is for readers
instead: arrays become lists, and what is not finite becomes None.
"""

from __future__ import annotations

import builtins
import contextlib
import dataclasses
import enum
import math
import sys
import types
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    Arrays = Mapping[str, NDArray[Any]]

T = TypeVar("T")

_ARRAY = "array"
"""The only key of what stands for an array in a record, beside its place."""


class RecordError(ValueError):
    """Plain data are not a record of the type asked for; the message names the field."""


def as_json(value: Any) -> Any:
    """Return `value` as JSON can hold it, for readers: what is not finite is None.

    Parameters
    ----------
    value
        Records, mappings, sequences, arrays and scalars, nested as they may be. A complex number
        becomes a pair.
    """
    value = _simpler(value)
    if isinstance(value, Mapping):
        return {str(name): as_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, complex):
        return [as_json(value.real), as_json(value.imag)]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def pack(
    record: Any, *, omit: Mapping[type, Collection[str]] | None = None
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return a record as JSON can hold it, and the arrays in it by their place.

    Parameters
    ----------
    record
        A dataclass of records, tuples, arrays, scalars, enumerations, strings and None.
    omit
        Fields to leave out, by the record's type; `unpack` gives them their defaults.

    Raises
    ------
    TypeError
        If a field holds anything else; the message names it.
    """
    arrays: dict[str, NDArray[Any]] = {}
    packed: dict[str, Any] = _pack(record, "", arrays, omit or {})
    return packed, arrays


def unpack(kind: type[T], packed: object, arrays: Arrays | None = None) -> T:
    """Return the record of type `kind` that `pack` made these of.

    Parameters
    ----------
    kind
        The dataclass. Types that its file imports for type checkers alone are not checked.
    packed, arrays
        What `pack` returned, after a way through a file. Fields may be missing that have defaults.

    Raises
    ------
    RecordError
        If a field is missing, unknown or of another type; the message names it.
    """
    record: T = _unpack_record(kind, packed, "", arrays or {})
    return record


# Packing


def _pack(
    value: Any, place: str, arrays: dict[str, NDArray[Any]], omit: Mapping[type, Collection[str]]
) -> Any:
    if isinstance(value, np.ndarray):
        arrays[place] = value
        return {_ARRAY: place}
    value = _simpler(value, omit.get(type(value), ()))
    if isinstance(value, tuple | list):
        return [_pack(item, f"{place}/{i}", arrays, omit) for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {name: _pack(item, f"{place}/{name}", arrays, omit) for name, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{_named(place)} is a {type(value).__name__}, which no record can hold")


def _simpler(value: Any, omitted: Collection[str] = ()) -> Any:
    """Return an array as a list, a record as a dictionary, a scalar or member as Python's own."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in _fields(value) if field.name not in omitted]
        return {name: getattr(value, name) for name in names}
    return value


# Unpacking: one function per kind of type


def _unpack_record(kind: Any, packed: object, place: str, arrays: Arrays) -> Any:
    if not isinstance(packed, Mapping):
        raise _wrong(place, f"a record ({kind.__name__})", packed)
    found = _fields(kind)
    if unknown := packed.keys() - {field.name for field in found}:
        raise RecordError(f"{_listed(place, unknown)} is no field of {kind.__name__}")
    required = {field.name for field in found if _has_no_default(field)}
    if missing := required - packed.keys():
        raise RecordError(f"{_listed(place, missing)} is missing")
    hints = _hints(kind)
    return kind(
        **{
            name: _unpack(hints[name], value, f"{place}/{name}", arrays)
            for name, value in packed.items()
        }
    )


def _unpack(hint: Any, value: Any, place: str, arrays: Arrays) -> Any:
    """Read a value of the type `hint`; one that is known to type checkers alone is not checked."""
    hint = _without_alias(hint)
    kind = typing.get_origin(hint) or hint
    if kind in {typing.Union, types.UnionType}:
        return _unpack_union(hint, value, place, arrays)
    if kind is Literal:
        return _unpack_choice(typing.get_args(hint), value, place)
    if kind in {Any, object} or not isinstance(kind, type):
        return _unpack_array(hint, value, place, arrays) if _is_reference(value) else value
    if dataclasses.is_dataclass(kind):
        return _unpack_record(kind, value, place, arrays)
    read = next((read for base, read in _READERS if issubclass(kind, base)), None)
    return read(hint, value, place, arrays) if read else _unpack_scalar(kind, value, place)


def _unpack_union(hint: Any, value: Any, place: str, arrays: Arrays) -> Any:
    members = [member for member in typing.get_args(hint) if member is not types.NoneType]
    if value is None and len(members) < len(typing.get_args(hint)):
        return None
    for member in members[:-1]:
        with contextlib.suppress(RecordError):
            return _unpack(member, value, place, arrays)
    return _unpack(members[-1], value, place, arrays)


def _unpack_choice(choices: Sequence[Any], value: Any, place: str) -> Any:
    if value not in choices:
        raise _wrong(place, f"one of {', '.join(map(str, choices))}", value)
    return value


def _unpack_member(kind: Any, value: Any, place: str, _: Arrays) -> Any:
    return kind(_unpack_choice([member.value for member in kind], value, place))


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {_ARRAY}


def _unpack_array(_: Any, value: Any, place: str, arrays: Arrays) -> NDArray[Any]:
    if not _is_reference(value):
        raise _wrong(place, "an array", value)
    if not isinstance(value[_ARRAY], str) or value[_ARRAY] not in arrays:
        raise RecordError(f"{_named(place)} is an array that is missing")
    return arrays[value[_ARRAY]]


def _unpack_mapping(hint: Any, value: Any, place: str, arrays: Arrays) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(place, "a mapping", value)
    _, item = typing.get_args(hint) or (Any, Any)
    return {name: _unpack(item, entry, f"{place}/{name}", arrays) for name, entry in value.items()}


def _unpack_tuple(hint: Any, value: Any, place: str, arrays: Arrays) -> tuple[Any, ...]:
    items = typing.get_args(hint) or (Any, ...)
    if items[-1] is ...:
        return tuple(_unpack_list(hint, value, place, arrays))
    if not isinstance(value, list | tuple) or len(value) != len(items):
        raise _wrong(place, f"a list of {len(items)}", value)
    return tuple(
        _unpack(item, entry, f"{place}/{i}", arrays)
        for i, (item, entry) in enumerate(zip(items, value, strict=True))
    )


def _unpack_list(hint: Any, value: Any, place: str, arrays: Arrays) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise _wrong(place, "a list", value)
    item = (typing.get_args(hint) or (Any,))[0]
    return [_unpack(item, entry, f"{place}/{i}", arrays) for i, entry in enumerate(value)]


_READERS: tuple[tuple[type, Callable[[Any, Any, str, Arrays], Any]], ...] = (
    (np.ndarray, _unpack_array),
    (enum.Enum, _unpack_member),
    (Mapping, _unpack_mapping),
    (tuple, _unpack_tuple),
    (list, _unpack_list),
)
"""How values of types that have parts are read; the first that fits counts."""


def _unpack_scalar(kind: type, value: Any, place: str) -> Any:
    if issubclass(kind, np.generic):
        if not isinstance(value, bool | int | float | str):
            raise _wrong(place, f"a {kind.__name__}", value)
        try:
            return kind(value)
        except (ValueError, TypeError, OverflowError) as error:
            raise _wrong(place, f"a {kind.__name__}", value) from error
    if kind is float and type(value) is int and abs(value) <= sys.float_info.max:
        return float(value)
    if type(value) is not kind:
        raise _wrong(place, f"of type {kind.__name__}", value)
    return value


# Types and names


def _fields(record: Any) -> tuple[dataclasses.Field[Any], ...]:
    return tuple(field for field in dataclasses.fields(record) if field.init)


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


class _Names(dict[str, Any]):
    """The names that a class sees; what its file imports for type checkers alone is Any."""

    def __missing__(self, name: str) -> Any:
        return {**vars(builtins), "NDArray": NDArray, "np": np}.get(name, Any)


def _hints(kind: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields, as far as they are known when it runs."""
    return {
        name: _evaluated(hint, base)
        for base in reversed(kind.__mro__)
        for name, hint in vars(base).get("__annotations__", {}).items()
    }


def _evaluated(hint: Any, owner: type) -> Any:
    """Return a type, as `typing.get_type_hints` does, which refuses names that are not there."""
    if not isinstance(hint, str):
        return hint
    try:
        return eval(hint, {}, _Names(vars(sys.modules[owner.__module__])))  # noqa: S307
    except TypeError:  # what is unknown was given arguments
        return Any


def _without_alias(hint: Any) -> Any:
    """Return what the name of a type stands for, which NumPy's NDArray is from NumPy 2.5 on."""
    meant = getattr(typing.get_origin(hint) or hint, "__value__", None)
    if meant is None:
        return hint
    arguments = typing.get_args(hint)
    return meant[arguments] if arguments else meant


def _named(place: str) -> str:
    """Return a place as Python writes it: layers[0].q for /layers/0/q."""
    parts = place.strip("/").split("/")
    written = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts)
    return written.lstrip(".") or "it"


def _listed(place: str, names: Collection[str]) -> str:
    return ", ".join(_named(f"{place}/{name}") for name in sorted(names))


def _wrong(place: str, expected: str, value: object) -> RecordError:
    shown = repr(value)
    return RecordError(
        f"{_named(place)} must be {expected}, not {shown[:60]}{'…' if len(shown) > 60 else ''}"
    )
