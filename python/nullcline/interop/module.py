"""Cells of any recurrent module of PyTorch, stepped as it is used."""

from __future__ import annotations

import dataclasses
import re
import warnings
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, overload

import numpy as np

from nullcline._support import validation
from nullcline.cells.module_cell import ModuleCell
from nullcline.interop._frameworks import framework
from nullcline.interop._function_cell import FunctionWarning, examined_cell
from nullcline.interop._module_copy import copied, copied_in_train_mode
from nullcline.interop._module_probe import (
    Kind,
    NoStepError,
    TwoSteps,
    differs_in_training,
    find_step,
    is_ambiguous,
    is_of_any_order,
    of_two_steps,
)
from nullcline.interop._module_states import INPUT_SIZES, size_of, sizes_in
from nullcline.interop._native_module import native_cell
from nullcline.interop._torch_module import unwrapped
from nullcline.interop._undisturbed import undisturbed
from nullcline.interop.function import examine_torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch
    from numpy.typing import DTypeLike

    from nullcline.cells import CompiledCell, Stack
    from nullcline.interop._module_step import ModuleStep


@overload
def from_module(
    module: torch.nn.Module,
    n_inputs: int | None = None,
    state: Any = None,
    *,
    batch_first: bool | None = None,
    call: Callable[[Any, Any, Any], Any] | None = None,
    native: Literal[False],
    bounds: tuple[float, float] | None = None,
    smooth: bool | None = None,
    dtype: DTypeLike | torch.dtype | None = None,
) -> ModuleCell: ...
@overload
def from_module(
    module: torch.nn.Module,
    n_inputs: int | None = None,
    state: Any = None,
    *,
    batch_first: bool | None = None,
    call: Callable[[Any, Any, Any], Any] | None = None,
    native: bool | Literal["auto"] = "auto",
    bounds: tuple[float, float] | None = None,
    smooth: bool | None = None,
    dtype: DTypeLike | torch.dtype | None = None,
) -> ModuleCell | CompiledCell | Stack: ...
def from_module(
    module: torch.nn.Module,
    n_inputs: int | None = None,
    state: Any = None,
    *,
    batch_first: bool | None = None,
    call: Callable[[Any, Any, Any], Any] | None = None,
    native: bool | Literal["auto"] = "auto",
    bounds: tuple[float, float] | None = None,
    smooth: bool | None = None,
    dtype: DTypeLike | torch.dtype | None = None,
) -> ModuleCell | CompiledCell | Stack:
    """Make a cell of any recurrent PyTorch module, which is stepped as it is used.

    The module is called with an input and a state, in the way that makes a map of each row: inputs
    as rows, (n, D), or as sequences of one step, (1, n, D) or (n, 1, D), or one row at a time; the
    state before the input or after it, by place or by name, of one array or several, with an axis
    of layers or without; or, where D is 0, the state alone. It returns its next state: alone, by a
    name that states have, or as the last of what it returns. Where its weights lead to a native
    cell that makes the same steps up to rounding, that is returned.

    Parameters
    ----------
    module
        The module. It is copied: the copy is in evaluation mode, on the module's device, and
        computes in `dtype`, to which narrower weights are promoted exactly. The module itself is
        not changed, and later changes of it are not seen.
    n_inputs
        D, the length of an input. None: as attributes such as `input_size` say.
    state
        What the state is: a number of units, or an example as the module takes it, of one row or of
        several, such as ``h0``, ``(h0, c0)``, ``{"v": v0, "a": a0}`` or a dataclass; values do not
        matter. None: what the module answers with if it is called without a state, or as attributes
        such as `hidden_size` say.
    batch_first
        Whether inputs are (n, 1, D), or (1, n, D). None: whichever is found to be right.
    call
        ``call(module, x, state)``: a call in your own way, with inputs (n, D) and a state in the
        form of `state`, with its rows first if it is a number of units; returns the next state. It
        must use the module that it is given.
    native
        "auto": a native cell where one makes the same steps. True: raise if there is none. False:
        the module's own step in any case.
    bounds
        The least and the largest number that a state can hold; None for no bounds. Native cells
        know theirs.
    smooth
        Whether derivatives are continuous; None to look, as `from_function` does. Native cells
        know.
    dtype
        float64 or float32. None: float64, or float32 if the module cannot compute in float64.

    Returns
    -------
    ModuleCell or a native cell
        Its class tells which was taken: a `ModuleCell` calls the module; a `GRU`, `LeakyRNN` and
        the like is native, and a `Stack` of them stands for a torch.nn module of several layers.
        But for a `Stack`, `join` makes rows of the module's own states and `split` those of rows.

    Raises
    ------
    ModuleNotFoundError
        If PyTorch is not installed.
    TypeError
        If `module` is no module, takes no state or more than an input and a state, or does not say
        of what size they are; if it is not differentiable, or makes complex states; if an argument
        is of another type.
    ValueError
        If the module takes input and state in none of these ways, mixes rows, is random, remembers
        something between calls, does not use the state, is not finite, has two directions or cannot
        be copied; if `native` is True and there is no native cell.

    Warns
    -----
    FunctionWarning
        If the module is in train mode and steps in another way there; if it returns two different
        arrays of the shape of its state; if input and state are of one size and no name tells which
        comes first; if it makes another state of two inputs at once than of one after the other; if
        it computes in float32 alone; and as `from_function` does.

    Notes
    -----
    A native cell is one that makes the steps of the module at six states and inputs, of three
    sizes, up to rounding: of torch.nn modules the same as `from_torch` takes, and of others a cell
    of weights with PyTorch's names, or a network of rates of matrices and vectors that have its
    shapes. Where a module steps in another way far outside of these states, say ``native=False``.

    Examples
    --------
    >>> cell = nc.from_module(network.rnn, n_inputs=3)  # doctest: +SKIP
    >>> points = nc.find_fixed_points(cell, cell.join((h0, c0)))  # doctest: +SKIP
    >>> h, c = cell.split(points.h)  # doctest: +SKIP
    """
    framework("torch", "torch")
    module = _checked(module, batch_first, call, native)
    n_inputs = _n_inputs(module, n_inputs)
    with undisturbed(module):
        found = _found(module, n_inputs, state, batch_first, call, dtype)
        doubts = list(_doubts(found, module, n_inputs))
        cell: ModuleCell | CompiledCell | Stack | None = None
        if native is not False:
            target = validation.float_type(np.float64 if dtype is None else dtype)
            must = native is True
            cell = native_cell(module, found.step, n_inputs, found.dtype, target, must=must)
        if cell is None:
            cell, others = _module_cell(found, n_inputs, bounds, smooth)
            doubts += others
    for doubt in doubts:
        warnings.warn(doubt, FunctionWarning, stacklevel=2)
    return cell


_SINGLE = (
    "module does not compute in float64, so that its cell is of float32, to whose rounding points "
    "are found. To have it search in float64, let it make tensors of the type of what it is given, "
    "as torch.zeros_like(state) does"
)


class _Found(NamedTuple):
    """A module's step, the type that it computes in, and whether it can do no other."""

    step: ModuleStep
    dtype: np.dtype[Any]
    is_single_alone: bool


def _checked(module: Any, batch_first: object, call: object, native: object) -> Any:
    import torch

    if not isinstance(module, torch.nn.Module):
        raise TypeError(
            f"module must be a torch.nn.Module, not {type(module).__name__}; nullcline."
            "from_function takes functions of inputs and states"
        )
    if not (batch_first is None or isinstance(batch_first, bool)):
        raise TypeError(f"batch_first must be True, False or None, not {batch_first!r}")
    if not (call is None or callable(call)):
        raise TypeError(f"call must be a function of module, inputs and states, not {call!r}")
    if not (isinstance(native, bool) or native == "auto"):
        raise ValueError(f'native must be True, False or "auto", not {native!r}')
    module = unwrapped(module)
    if getattr(module, "bidirectional", False):
        raise ValueError(
            "module must have one direction: two have no state that evolves with time. "
            "nullcline.from_torch makes a cell of each direction of a torch.nn module"
        )
    return module


def _n_inputs(module: torch.nn.Module, n_inputs: int | None) -> int:
    if n_inputs is not None:
        return validation.whole_number("n_inputs", n_inputs, 0)
    found = size_of(module, INPUT_SIZES)
    if found is None:
        raise TypeError(
            f"n_inputs must be said, as in from_module(module, n_inputs=3): module has no "
            f"{', '.join(INPUT_SIZES[:3])} or the like that says how many numbers it reads"
        )
    return found


def _found(
    module: torch.nn.Module,
    n_inputs: int,
    state: Any,
    batch_first: bool | None,
    call: Callable[[Any, Any, Any], Any] | None,
    dtype: DTypeLike | torch.dtype | None,
) -> _Found:
    """Return a module's step, in float64 where nothing is said and the module can."""

    def found(target: np.dtype[Any]) -> ModuleStep:
        kind = Kind(n_inputs, _torch_type(target), sizes_in(state))
        return find_step(copied(module, kind.dtype), state, kind, batch_first, call)

    target = np.dtype(np.float64) if dtype is None else validation.float_type(dtype)
    try:
        return _Found(found(target), target, is_single_alone=False)
    except NoStepError as error:
        single = np.dtype(np.float32)
        if dtype is not None:
            raise
        try:
            step = found(single)
        except NoStepError:
            raise error from None
        return _Found(step, single, is_single_alone=True)


def _doubts(found: _Found, module: torch.nn.Module, n_inputs: int) -> Iterator[str]:
    """Yield the sentences that the module's owner should read of its step."""
    kind = Kind(n_inputs, _torch_type(found.dtype))
    if of_two_steps(found.step, kind) is TwoSteps.OTHER:
        yield (
            "module makes of two inputs at once another state than of one after the other, and its "
            "cell makes the step of one: is the last state that it returns the next one, and does "
            "its step depend on nothing but state and input? If not, say how it steps by "
            "call=lambda module, x, state: ..."
        )
    if is_of_any_order(found.step, kind):
        first = "state and input" if found.step.arguments.state_first else "input and state"
        yield (
            f"module takes an input and a state of one size, and is taken to take {first} in this "
            "order, of which the names of its arguments do not tell; if it is the other, say so by "
            "call=lambda module, x, state: module(state, x)"
        )
    if is_ambiguous(found.step, kind):
        yield (
            "module returns more than one array of the shape of its state, and the last is taken "
            "for the next state, as PyTorch's modules return it; if it is another, say so by "
            "call=lambda module, x, state: module(x, state)[0]"
        )
    training = copied_in_train_mode(module, kind.dtype)
    if training is not None and differs_in_training(
        found.step, dataclasses.replace(found.step, module=training), kind
    ):
        yield (
            "module is in train mode, where it steps in another way (dropout, batch normalization "
            "or noise); its cell steps as in evaluation mode. Call module.eval() first if that is "
            "meant"
        )


def _module_cell(
    found: _Found, n_inputs: int, bounds: tuple[float, float] | None, smooth: bool | None
) -> tuple[ModuleCell, list[str]]:
    """Return the cell that calls the module, and the sentences that its owner should read."""
    step = found.step
    try:
        cell, doubts = examined_cell(
            examine_torch,
            *(step, step.parts.state_size, n_inputs),
            bounds=bounds,
            smooth=smooth,
            dtype=found.dtype,
        )
    except (TypeError, ValueError, RuntimeError) as error:
        raise type(error)(_of_module(str(error))) from error
    said = [_SINGLE] * found.is_single_alone + list(map(_of_module, doubts))
    return ModuleCell(cell, step.parts), said


def _torch_type(dtype: np.dtype[Any]) -> torch.dtype:
    import torch

    return torch.from_numpy(np.zeros(0, dtype)).dtype


def _of_module(sentence: str) -> str:
    """Return what is said of a function f as said of the module."""
    return re.sub(r"^f\b", "module", sentence)
