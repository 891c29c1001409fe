"""What a function does, as read from what JAX has traced of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

_WITH_KINKS = frozenset(
    {
        *("abs", "ceil", "clamp", "floor", "max", "min", "rem", "round", "sign"),
        *("cummax", "cummin", "reduce_max", "reduce_min", "reduce_window_max"),
        *("approx_top_k", "reduce_window_min", "select_and_gather_add", "sort", "top_k"),
    }
)
"""Primitives of JAX whose value or first derivative jumps."""

_SMOOTH = frozenset({"logaddexp", "logaddexp2", "softplus"})
"""Functions of JAX with a derivative of their own, written with primitives that have kinks."""


@dataclass
class Trace:
    """What was read.

    Attributes
    ----------
    depends
        Whether the states have a part in what is returned by numbers alone that have derivatives:
        not by `stop_gradient`, and not by choices or whole numbers.
    has_kinks
        Whether an operation whose value or first derivative jumps was applied to what depends on
        states or inputs. A choice by what depends on them (`where`, `cond`, an index) is one.
    types
        The types of what depends on them.
    draws
        Whether random numbers were drawn.
    """

    depends: bool = False
    has_kinks: bool = False
    types: set[np.dtype[Any]] = field(default_factory=set)
    draws: bool = False


def read(traced: Any) -> Trace:
    """Return what is read from a function of an input and a state, as `make_jaxpr` traced it."""
    reader = _Reader()
    reader.outputs(traced.jaxpr, [True, True])
    found = reader.trace
    (found.depends,) = _Reader(by_numbers=True).outputs(traced.jaxpr, [False, True])
    found.draws = any(
        name.startswith(("random_", "threefry", "rng_")) for name in _primitives(traced.jaxpr)
    )
    return found


class _Reader:
    """Follows what depends on some inputs through a jaxpr, as far as its outputs need it.

    By floating-point numbers alone, or by whole ones and truth values too.
    """

    def __init__(self, *, by_numbers: bool = False) -> None:
        self.trace = Trace()
        self._by_numbers = by_numbers

    def outputs(self, jaxpr: Any, inputs: list[bool]) -> list[bool]:
        """Return which outputs depend on the inputs that are said to vary."""
        needed = _needed(jaxpr)
        varying = {var for var, varies in zip(jaxpr.invars, inputs, strict=True) if varies}
        for equation in jaxpr.eqns:
            if any(out in needed for out in equation.outvars):
                flags = [_is_variable(var) and var in varying for var in equation.invars]
                found = self._of_equation(equation, flags)
                varying |= {out for out, v in zip(equation.outvars, found, strict=True) if v}
        return [_is_variable(out) and out in varying for out in jaxpr.outvars]

    def _of_equation(self, equation: Any, inputs: list[bool]) -> list[bool]:
        name = equation.primitive.name
        if not any(inputs) or name == "stop_gradient" or _is_a_check(equation):
            return [False] * len(equation.outvars)
        if name in {"while", "scan"}:
            found = self._of_loop(equation, inputs)
        elif inner := list(_inner(equation)):
            given = inputs[1:] if name == "cond" else inputs
            several = [self._of_inner(equation, jaxpr, given) for jaxpr in inner]
            found = [any(flags) for flags in zip(*several, strict=True)]
            if name == "cond" and inputs[0]:
                found = [True] * len(found)
        else:
            self.trace.has_kinks |= name in _WITH_KINKS
            found = [True] * len(equation.outvars)
        self._note(equation, inputs, found)
        if self._by_numbers:
            of = (out.aval.dtype for out in equation.outvars)
            found = [v and _is_float(kind) for v, kind in zip(found, of, strict=True)]
        return found

    def _note(self, equation: Any, inputs: list[bool], outputs: list[bool]) -> None:
        """Note the types of what varies, and a jump: a number from what is none but varies."""
        of = [out.aval.dtype for out, v in zip(equation.outvars, outputs, strict=True) if v]
        self.trace.types.update(np.dtype(kind) for kind in of if _is_float(kind))
        decides = any(
            varies and not _is_float(var.aval.dtype)
            for var, varies in zip(equation.invars, inputs, strict=True)
        )
        self.trace.has_kinks |= decides and any(map(_is_float, of))

    def _of_inner(self, equation: Any, jaxpr: Any, inputs: list[bool]) -> list[bool]:
        """Return which outputs of an inner function depend on what varies."""
        if len(jaxpr.invars) != len(inputs):
            inputs = [True] * len(jaxpr.invars)
        kinks = self.trace.has_kinks
        found = self.outputs(jaxpr, inputs)
        if equation.primitive.name.startswith("custom_") and _called(jaxpr) in _SMOOTH:
            self.trace.has_kinks = kinks
        if len(found) != len(equation.outvars):
            return [True] * len(equation.outvars)
        return found

    def _of_loop(self, equation: Any, inputs: list[bool]) -> list[bool]:
        """Return what depends on what varies once another round adds nothing."""
        carries = equation.primitive.name == "while"
        first = equation.params["cond_nconsts"] if carries else 0
        n_fixed = equation.params["body_nconsts" if carries else "num_consts"]
        jaxpr = equation.params["body_jaxpr" if carries else "jaxpr"].jaxpr
        body, n_carried = inputs[first:], len(equation.outvars)
        if not carries:
            n_carried = equation.params["num_carry"]
        while True:
            found = self.outputs(jaxpr, body)
            carried = slice(n_fixed, n_fixed + n_carried)
            joined = [a or b for a, b in zip(body[carried], found, strict=False)]
            if joined == body[carried]:
                break
            body[carried] = joined
        if carries:
            test = equation.params["cond_jaxpr"].jaxpr
            self.trace.has_kinks |= any(self.outputs(test, inputs[:first] + body[n_fixed:]))
        return found


def _needed(jaxpr: Any) -> set[Any]:
    """Return the variables that lead to the outputs by something else than `stop_gradient`."""
    needed = {var for var in jaxpr.outvars if _is_variable(var)}
    for equation in reversed(jaxpr.eqns):
        if equation.primitive.name != "stop_gradient" and needed.intersection(equation.outvars):
            needed.update(var for var in equation.invars if _is_variable(var))
    return needed


def _is_variable(var: Any) -> bool:
    return not hasattr(var, "val")  # a literal has one


def _is_float(kind: Any) -> bool:
    import jax

    return bool(jax.numpy.issubdtype(kind, np.inexact))


def _is_a_check(equation: Any) -> bool:
    """Whether it asks if a number is finite or NaN, which is no jump of what is finite."""
    name, inputs = equation.primitive.name, equation.invars
    return name == "is_finite" or (name == "ne" and inputs[0] is inputs[1])


def _inner(equation: Any) -> Iterator[Any]:
    """Yield the jaxprs of the functions that an equation calls."""
    for value in equation.params.values():
        for item in value if isinstance(value, tuple | list) else [value]:
            jaxpr = getattr(item, "jaxpr", item)
            if hasattr(jaxpr, "eqns"):
                yield jaxpr


def _called(jaxpr: Any) -> str:
    """Return what a function within is called, as far as JAX knows."""
    info = getattr(jaxpr, "debug_info", None)
    return str(getattr(info, "func_src_info", None) or "").partition(" ")[0]


def _primitives(jaxpr: Any) -> Iterator[str]:
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in _inner(equation):
            yield from _primitives(inner)
