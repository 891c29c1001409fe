"""Modules of Flax as functions of their own, which pickle and whatever becomes of the module."""

from __future__ import annotations

import sys
from typing import Any


def lasting(f: Any) -> Any:
    """Return a module as a function that keeps its present parameters, and anything else as it is.

    What Equinox has compiled is returned as it was before: it does not survive a pickle.

    Raises
    ------
    TypeError
        If it is a recurrent cell of Flax, which is called with its carry first and returns it with
        an output.
    """
    while type(f).__module__ == "equinox._jit" and hasattr(f, "__wrapped__"):
        f = f.__wrapped__
    linen, nnx = (sys.modules.get(f"flax.{name}") for name in ("linen", "nnx"))
    for interface in (linen, nnx):
        if interface is not None and isinstance(f, interface.RNNCellBase):
            raise TypeError(_carried(f, bound=interface is nnx or f.scope is not None))
    if linen is not None and isinstance(f, linen.Module) and f.scope is not None:
        return _Applied(*f.unbind())
    if nnx is not None and isinstance(f, nnx.Module):
        return nnx.clone(f)
    return f


class _Applied:
    """A module of linen and its variables; what is bound to a scope does not pickle."""

    def __init__(self, module: Any, variables: Any) -> None:
        self._module = module
        self._variables = variables
        self.__qualname__ = type(module).__qualname__

    def __call__(self, x: Any, h: Any) -> Any:
        return self._module.apply(self._variables, x, h)


def _carried(cell: Any, *, bound: bool) -> str:
    call = "cell(h, x)[0]" if bound else "cell.apply(variables, h, x)[0]"
    return (
        f"f must be a function of inputs and states, and a {type(cell).__name__} takes its carry "
        f"first and returns two things: nullcline.from_flax makes cells of Flax's own; of any "
        f"other, pass `lambda x, h: {call}`"
    )
