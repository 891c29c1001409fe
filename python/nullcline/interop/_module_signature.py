"""How a module's `forward` takes an input and a state, as its arguments' names say."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from nullcline.interop._module_step import Arguments
from nullcline.interop._state_names import names_input, names_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

CALL = "call=lambda module, x, state: module(x, state)"
"""How a user says in what way a module is called."""


def arguments_of(
    module: torch.nn.Module, n_parts: int | None, n_inputs: int | None = None
) -> list[Arguments]:
    """Return how `forward` may take a state of so many parts, the likeliest first.

    Parameters
    ----------
    module
        The module.
    n_parts
        Of how many arrays a state is; None where that is not known yet.
    n_inputs
        D: a module of no inputs may take its state alone.

    Raises
    ------
    TypeError
        If it takes no state, or more than an input and a state.
    """
    parameters = _parameters(module)
    if parameters is None:
        return [Arguments()]
    names = [parameter.name for parameter in parameters]
    needed = [name for name, of in zip(names, parameters, strict=True) if of.default is of.empty]
    is_state_alone = n_inputs == 0 and len(needed) <= 1 and not any(map(names_state, names[1:]))
    if is_state_alone and names:
        return [Arguments(((needed or names)[0],), is_alone=True)]
    if len(parameters) < 2:
        raise TypeError(
            f"module must take an input and a state, and its forward({', '.join(names)}) takes no "
            "state: pass the recurrent part of it, or say how it makes one step, "
            "call=lambda module, x, state: ...; one that has no input and takes its state alone, "
            "by n_inputs=0"
        )
    found = list(dict.fromkeys(_ways(parameters, needed, n_parts)))
    if not found:
        left_over = _left_over(names, needed, n_parts)
        raise TypeError(
            f"module.forward({', '.join(names)}) takes more than an input and a state: say what "
            f"{' and '.join(left_over)} {'is' if len(left_over) == 1 else 'are'} by "
            f"call=lambda module, x, state: module(x, state, {left_over[0]}=...)"
        )
    return found


def takes_no_state(module: torch.nn.Module, arguments: Arguments) -> bool:
    """Whether `forward` can be called without a state."""
    parameters = _parameters(module)
    return parameters is None or not any(
        parameter.default is parameter.empty
        for parameter in parameters
        if parameter.name in arguments.names
    )


def are_told_apart(module: torch.nn.Module) -> bool:
    """Whether the names of the first two arguments say which of them is the state."""
    parameters = _parameters(module)
    if parameters is None or len(parameters) < 2:
        return True
    first, second = (parameter.name for parameter in parameters[:2])
    return names_state(first) != names_state(second) or names_input(first) != names_input(second)


def _ways(
    parameters: Sequence[inspect.Parameter], needed: Sequence[str], n_parts: int | None
) -> Iterator[Arguments]:
    """Yield what is as long as all other arguments have defaults."""
    names = [parameter.name for parameter in parameters]
    state_first = _is_state_first(names)
    for is_first in (state_first, not state_first):
        run = _run(names, state_first=is_first)
        if n_parts is not None and len(run) != n_parts:
            run = run[:1]
        runs = [run]
        if n_parts is not None and n_parts > 1 and n_parts + 1 in {len(names), len(needed)}:
            runs.append(names[:n_parts] if is_first else names[1 : n_parts + 1])
        for own in runs:
            other = names[len(own)] if is_first and len(own) < len(names) else names[0]
            if other not in own and {*needed} <= {*own, other}:
                yield Arguments(tuple(own), _is_by_name(parameters, own, is_first), is_first)


def _is_by_name(
    parameters: Sequence[inspect.Parameter], run: Sequence[str], state_first: bool
) -> bool:
    names = [parameter.name for parameter in parameters]
    by_place = state_first or names[1 : 1 + len(run)] == run
    keyword_only = any(
        parameter.kind is parameter.KEYWORD_ONLY
        for parameter in parameters
        if parameter.name in run
    )
    return not by_place or keyword_only


def _is_state_first(names: Sequence[str]) -> bool:
    first, second = names[:2]
    if names_state(first) != names_state(second):
        return names_state(first)
    return names_input(second) and not names_input(first)


def _left_over(names: Sequence[str], needed: Sequence[str], n_parts: int | None) -> list[str]:
    """Return the needed arguments that are neither the input nor the state."""
    state_first = _is_state_first(names)
    run = _run(names, state_first=state_first)
    run = run if n_parts in {None, len(run)} else run[:1]
    other = names[len(run)] if state_first and len(run) < len(names) else names[0]
    return [name for name in needed if name not in {*run, other}]


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
    if not any(map(names_state, ahead)) or (state_first and not names_state(ahead[0])):
        return ahead[:1]
    while not names_state(ahead[0]):
        del ahead[0]
    run: list[str] = []
    for name in ahead:
        if not names_state(name):
            break
        run.append(name)
    return run
