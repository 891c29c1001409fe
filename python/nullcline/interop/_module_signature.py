"""How a module's `forward` takes an input and a state, as its arguments' names say."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from nullcline.interop._module_step import Arguments

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

_STATE = re.compile(
    r"((prev|previous|last|old|init|initial|start)_?)?"
    r"([hcsvra]|h?hx|cx|hid|hidden|state|states|cell|carry|memory|mem|rates?|start)"
    r"(\d|s|x|_?(\d|t|n|prev|last|in|init|state|states))*",
    re.IGNORECASE,
)
"""What authors call a state, or one of its parts."""

CALL = "call=lambda module, x, state: module(x, state)"
"""How a user says in what way a module is called."""


def arguments_of(module: torch.nn.Module, n_parts: int | None) -> Arguments:
    """Return how `forward` takes a state of so many parts; None where that is not known yet.

    Raises
    ------
    TypeError
        If it takes no state, or more than an input and a state.
    """
    parameters = _parameters(module)
    if parameters is None:
        return Arguments()
    names = [parameter.name for parameter in parameters]
    if len(parameters) < 2:
        raise TypeError(
            f"module must take an input and a state, and its forward({', '.join(names)}) takes no "
            "state: pass the recurrent part of it, or say how it makes one step, "
            "call=lambda module, x, state: ..."
        )
    state_first = _is_state(names[0]) and not _is_state(names[1])
    run = _run(names, state_first=state_first)
    count = n_parts if n_parts is not None else len(run)
    run = run if len(run) == count else run[:1]
    other = names[len(run)] if state_first else names[0]
    left_over = [
        parameter.name
        for parameter in parameters
        if parameter.name not in {*run, other} and parameter.default is parameter.empty
    ]
    if left_over:
        raise TypeError(
            f"module.forward({', '.join(names)}) takes more than an input and a state: say what "
            f"{' and '.join(left_over)} {'is' if len(left_over) == 1 else 'are'} by "
            f"call=lambda module, x, state: module(x, state, {left_over[0]}=...)"
        )
    by_place = state_first or names[1 : 1 + len(run)] == run
    keyword_only = any(
        parameter.kind is parameter.KEYWORD_ONLY
        for parameter in parameters
        if parameter.name in run
    )
    return Arguments(tuple(run), not by_place or keyword_only, state_first)


def takes_no_state(module: torch.nn.Module, arguments: Arguments) -> bool:
    """Whether `forward` can be called without a state."""
    parameters = _parameters(module)
    return parameters is None or not any(
        parameter.default is parameter.empty
        for parameter in parameters
        if parameter.name in arguments.names
    )


def _parameters(module: torch.nn.Module) -> list[inspect.Parameter] | None:
    """Return the arguments that `forward` names; None where it names none of a state."""
    try:
        found = inspect.signature(module.forward).parameters.values()
    except (AttributeError, TypeError, ValueError):  # as TorchScript's
        return None
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in found):
        return None
    return [parameter for parameter in found if parameter.kind is not parameter.VAR_KEYWORD]


def _run(names: Sequence[str], *, state_first: bool) -> list[str]:
    """Return the names of the first arguments, one after the other, that are states."""
    ahead = list(names) if state_first else list(names[1:])
    if not any(map(_is_state, ahead)):
        return ahead[:1]
    while not _is_state(ahead[0]):
        del ahead[0]
    run: list[str] = []
    for name in ahead:
        if not _is_state(name):
            break
        run.append(name)
    return run


def _is_state(name: str) -> bool:
    return _STATE.fullmatch(name) is not None
