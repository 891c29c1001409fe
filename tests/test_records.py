"""A record goes through plain data and comes back, or the field that is wrong is named."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, make_dataclass
from enum import Enum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nullcline._support.records import RecordError, as_json, pack, unpack

if TYPE_CHECKING:
    from numpy.typing import NDArray as ForTypeCheckersAlone


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, eq=False)
class Inner:
    name: str
    values: NDArray[np.float64]
    pair: tuple[int, str] = (1, "one")


@dataclass(frozen=True, eq=False)
class Outer:
    inner: Inner
    others: tuple[Inner, ...]
    maybe: Inner | None
    share: float
    number: np.float32
    colour: Colour
    way: Literal["in", "out"]
    seconds: dict[str, float]
    hidden: ForTypeCheckersAlone[np.complex128]
    words: list[str] = field(default_factory=list)
    limit: int | None = None
    private: object = None


def outer(**changes: Any) -> Outer:
    first, second = Inner("a", np.arange(3.0)), Inner("b", np.array([np.nan, np.inf]), (2, "two"))
    return Outer(
        **{
            "inner": first,
            "others": (first, second),
            "maybe": None,
            "share": 0.5,
            "number": np.float32(1.5),
            "colour": Colour.BLUE,
            "way": "out",
            "seconds": {"all": 3.0},
            "hidden": np.array([1 + 2j]),
            "words": ["x", "y"],
            **changes,
        }
    )


def through_a_file(record: Any, **options: Any) -> Any:
    packed, arrays = pack(record, **options)
    return unpack(type(record), json.loads(json.dumps(packed)), arrays)


def same(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=True)
    if isinstance(left, Inner | Outer):
        return all(same(getattr(left, name), getattr(right, name)) for name in vars(left))
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and bool(left == right)


@pytest.mark.parametrize(
    "changes", [{}, {"maybe": Inner("c", np.zeros((0, 2)))}, {"others": (), "limit": 3}]
)
def test_a_record_comes_back(changes: dict[str, Any]) -> None:
    record = outer(**changes)
    assert same(through_a_file(record), record)


@given(st.lists(st.floats(), max_size=4), st.text(), st.integers() | st.none())
def test_any_numbers_and_texts_come_back(values: list[float], text: str, limit: int | None) -> None:
    record = outer(maybe=Inner(text, np.array(values)), limit=limit, words=[text])
    assert same(through_a_file(record), record)


def test_a_field_that_is_left_out_has_its_default() -> None:
    found = through_a_file(outer(limit=7, private=open), omit={Outer: {"private", "limit"}})
    assert (found.limit, found.private) == (None, None)


def _lose(packed: Any, _: Any) -> None:
    del packed["others"][1]["name"]


def _add(packed: Any, _: Any) -> None:
    packed["others"][0]["nmae"] = "a"


def _lose_array(_: Any, arrays: Any) -> None:
    del arrays["/inner/values"]


def _set(name: str, value: Any) -> Any:
    def change(packed: Any, _: Any) -> None:
        packed[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_lose, r"^others\[1\].name is missing$"),
        (_add, r"^others\[0\].nmae is no field of Inner$"),
        (_lose_array, r"^inner.values is an array that is missing$"),
        (_set("inner", 3), r"^inner must be a record \(Inner\), not 3$"),
        (_set("others", "ab"), r"^others must be a list, not 'ab'$"),
        (_set("share", "half"), r"^share must be of type float, not 'half'$"),
        (_set("share", True), r"^share must be of type float, not True$"),
        (_set("limit", 1.5), r"^limit must be of type int, not 1.5$"),
        (_set("number", []), r"^number must be a float32, not \[\]$"),
        (_set("colour", "green"), r"^colour must be one of red, blue, not 'green'$"),
        (_set("way", "up"), r"^way must be one of in, out, not 'up'$"),
        (_set("seconds", [1]), r"^seconds must be a mapping, not \[1\]$"),
        (_set("seconds", {"all": None}), r"^seconds.all must be of type float, not None$"),
        (_set("inner", {"name": "a", "values": [1.0]}), r"^inner.values must be an array"),
        (
            _set("inner", {"name": "a", "values": {"array": "/inner/values"}, "pair": [1]}),
            r"^inner.pair must be a list of 2, not \[1\]$",
        ),
    ],
)
def test_what_is_wrong_is_named(change: Any, message: str) -> None:
    packed, arrays = pack(outer())
    change(packed, arrays)
    with pytest.raises(RecordError, match=message):
        unpack(Outer, packed, arrays)


def test_a_type_by_another_name_is_checked_as_that_type() -> None:
    named: Any = SimpleNamespace(__value__=NDArray[np.float64])  # as Python 3.12's TypeAliasType
    kind = make_dataclass("Named", [("values", named)])
    with pytest.raises(RecordError, match=r"^values must be an array"):
        unpack(kind, {"values": [1.0]})


def test_what_no_record_can_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="private is a type, which no record can hold"):
        pack(outer(private=int))


def test_readers_get_lists_and_none_for_what_is_not_finite() -> None:
    found = as_json(outer())
    json.dumps(found, allow_nan=False)
    assert found["others"][1] == {"name": "b", "values": [None, None], "pair": [2, "two"]}
    assert (found["hidden"], found["colour"], found["number"]) == ([[1.0, 2.0]], "blue", 1.5)
