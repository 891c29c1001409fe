"""In which way a module is stepped: ways are tried until one makes a map of it.

With one row, it does not matter which axis of an input is the batch and which is the time. So a
way is the right one if many rows at once lead where each of them leads alone.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from nullcline._support import nested
from nullcline.interop._device import device_of
from nullcline.interop._module_signature import (
    CALL,
    are_told_apart,
    arguments_of,
    takes_no_state,
)
from nullcline.interop._module_states import (
    EXAMPLE,
    STATE_SIZES,
    answered,
    of_sizes,
    row_count,
    said,
)
from nullcline.interop._module_step import (
    TIME_AXIS,
    WAYS,
    WITHOUT_BATCH,
    Arguments,
    ModuleStep,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    from nullcline.interop._module_states import States


class Kind(NamedTuple):
    """What a module is known to compute with.

    Attributes
    ----------
    n_inputs
        D.
    dtype
        The type of inputs and states.
    sizes
        Lengths of axes that an example of a state has.
    """

    n_inputs: int
    dtype: torch.dtype
    sizes: tuple[int, ...] = ()


_MIXED = "rows of a batch changed one another"

_MOST_SAID = 3
"""Ways of calling a module of which an error tells."""


class TwoSteps(Enum):
    """What a module makes of two inputs at once."""

    STEPS = "the state that one leads to after the other"
    OTHER = "another state"
    REFUSED = "none, since it makes one step at a time"


class NoStepError(ValueError):
    """A module that takes input and state in none of the ways that were tried."""


def find_step(
    module: torch.nn.Module,
    state: Any,
    kind: Kind,
    batch_first: bool | None,
    call: Callable[..., Any] | None,
) -> ModuleStep:
    """Return a module's step, the first way to call it that makes a map of each row.

    Raises
    ------
    NoStepError
        If there is none.
    TypeError
        If `forward` does not take an input and a state, or it is not known what the state is.
    ValueError
        If the module is random, remembers, or has no use for the state.
    """
    tried: list[tuple[ModuleStep, str]] = []
    takes_batches = False
    for step in _steps(module, state, kind, batch_first, call):
        reason = _why_not(step, kind)
        if reason is None:
            _require_real_use_of_state(step, kind)
            # Of what takes batches and mixes rows, other axes would make another network.
            if not takes_batches or of_two_steps(step, kind) is not TwoSteps.REFUSED:
                return step
            reason = _MIXED
        takes_batches |= reason == _MIXED
        tried.append((step, reason))
    if not tried:
        sizes = ", ".join(STATE_SIZES[:3])
        raise TypeError(
            f"module does not say what its state is, by being called without one or by {sizes} "
            f"or the like: {EXAMPLE}"
        )
    raise NoStepError(_told(tried, kind))


def is_ambiguous(step: ModuleStep, kind: Kind) -> bool:
    """Whether a step answers with two different arrays, each of which may be the next state.

    Of sequences the second step has told: it goes on from the right one.
    """
    import torch

    if step.way in WITHOUT_BATCH:
        return False
    x, h = _rows(step, kind)
    with torch.no_grad():
        first, *others = step.candidates(step.answer(x, h), len(h))
    differ = any(
        not _alike(a.reshape(b.shape), b)
        for other in others
        for a, b in zip(first, other, strict=True)
    )
    return differ and of_two_steps(step, kind) is TwoSteps.REFUSED


def is_of_any_order(step: ModuleStep, kind: Kind) -> bool:
    """Whether input and state may be passed the other way round as well, and no name tells."""
    if step.call or kind.n_inputs != step.parts.state_size or are_told_apart(step.module):
        return False
    own = step.arguments
    other = Arguments(("state",), state_first=not own.state_first)
    return len(own.names) == 1 and _why_not(replace(step, arguments=other), kind) is None


def differs_in_training(step: ModuleStep, other: ModuleStep, kind: Kind) -> bool:
    """Whether a step in train mode leads elsewhere."""
    import torch

    x, h = _rows(step, kind)
    with torch.no_grad():
        try:
            return not _alike(step(x, h), other(x, h))
        except Exception:  # noqa: BLE001 - as batch normalization refuses one row
            return True


def _steps(
    module: torch.nn.Module,
    state: Any,
    kind: Kind,
    batch_first: bool | None,
    call: Callable[..., Any] | None,
) -> Iterator[ModuleStep]:
    """Yield what the module's step may be, the likeliest first."""
    device = str(device_of(module, None))
    orders = [Arguments()]
    if call is None:
        orders = arguments_of(module, _n_arguments(state), kind.n_inputs)
    for arguments in orders:
        for way in _ways(module, batch_first, call):
            for states in _states(module, state, kind, way, arguments, call):
                names = arguments.names if len(arguments.names) > 1 else _names(module)
                parts = states.parts(names)
                yield ModuleStep(module, parts, states.shapes, way, arguments, call, device)


def _n_arguments(state: Any) -> int | None:
    """Return of how many arguments a state may be that a user has shown."""
    if state is None:
        return None
    is_flat = isinstance(state, list | tuple) and not any(
        isinstance(part, list | tuple | dict) for part in state
    )
    return len(state) if is_flat else 1


def _names(module: torch.nn.Module) -> tuple[str, ...]:
    from torch import nn

    return ("h", "c") if isinstance(module, nn.LSTM | nn.LSTMCell) else ()


def _ways(
    module: torch.nn.Module, batch_first: bool | None, call: Callable[..., Any] | None
) -> list[str]:
    from torch import nn

    forward = getattr(type(module), "forward", None)
    is_torch_own = getattr(forward, "__module__", None) == nn.RNNBase.__module__
    if call is not None or (is_torch_own and isinstance(module, nn.RNNCellBase)):
        return ["rows"]
    said = getattr(module, "batch_first", None) if batch_first is None else batch_first
    first = ["batch first" if said else "time first"] if isinstance(said, bool) else []
    if first and (is_torch_own or batch_first is not None):
        return first
    return list(dict.fromkeys([*first, *WAYS]))


def _states(
    module: torch.nn.Module,
    state: Any,
    kind: Kind,
    way: str,
    arguments: Arguments,
    call: Callable[..., Any] | None,
) -> Iterator[States]:
    if state is not None:
        yield from said(state)
        return
    if call is None and takes_no_state(module, arguments):
        yield from _answered(module, kind, way)
    yield from of_sizes(module, len(arguments.names))


def _answered(module: torch.nn.Module, kind: Kind, way: str) -> Iterator[States]:
    """Yield the states that a module answers with if it is called without any."""
    import torch

    device = device_of(module, None)

    def called(n: int) -> Any:
        x = torch.zeros(n, kind.n_inputs, dtype=kind.dtype, device=device)
        if way in TIME_AXIS:
            return module(x.unsqueeze(TIME_AXIS[way]))
        return module(x[0] if way == "one" else x)

    try:
        with torch.no_grad(), _default_type(kind.dtype):
            found = list(answered(called, way))
    except Exception:  # noqa: BLE001 - whatever it raises: it does not take inputs in this way
        return
    yield from found


@contextmanager
def _default_type(dtype: torch.dtype) -> Iterator[None]:
    """Have `torch.zeros`, of which many make their first state, make numbers of a type."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _rows(step: ModuleStep, kind: Kind) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs and states to call a step with."""
    import torch

    sizes = [length for own in step.own for length in own.shape]
    n = row_count([*sizes, *kind.sizes, kind.n_inputs, step.parts.state_size])
    generator = torch.Generator().manual_seed(0)
    shapes = (n, kind.n_inputs), (n, step.parts.state_size)
    x, h = (torch.rand(shape, generator=generator, dtype=kind.dtype) - 0.5 for shape in shapes)
    return x.to(step.device), h.to(step.device)


def _why_not(step: ModuleStep, kind: Kind) -> str | None:
    """Return what is wrong with a step; None if it maps each row by itself."""
    import torch

    x, h = _rows(step, kind)
    with torch.no_grad():
        try:
            together = step(x, h)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it raises: it is not the way
            return _first_line(error)
        if together.dtype != h.dtype and not together.is_complex():
            return f"it returned {str(together.dtype).removeprefix('torch.')}"
        again = step(x, h)
        if not _same(together, again):
            raise ValueError(_not_the_same(step, x, h))
        return _mixing(step, x, h, together)


def _mixing(
    step: ModuleStep, x: torch.Tensor, h: torch.Tensor, together: torch.Tensor
) -> str | None:
    """Return what is wrong if a row leads elsewhere alone; None if none does."""
    import torch

    try:
        alone = torch.cat([step(x[i : i + 1], h[i : i + 1]) for i in range(len(x))])
    except Exception as error:  # noqa: BLE001 - whatever it raises: it is not the way
        return f"of one row, {_first_line(error)}"
    if _alike(together, alone) or not together.isfinite().all():
        return None
    if step.way in WITHOUT_BATCH:
        return _MIXED
    returned = next(step.candidates(step.answer(x, h), len(h)))
    if [tuple(value.shape) for value in returned] != [own.batch(len(h)) for own in step.own]:
        return f"{_MIXED}, and returned a state of another shape"
    return _MIXED


def _not_the_same(step: ModuleStep, x: torch.Tensor, h: torch.Tensor) -> str:
    """Return what is said of a module that does not answer twice the same."""
    import torch

    torch.manual_seed(0)
    first = step(x, h)
    torch.manual_seed(0)
    if _same(first, step(x, h)):
        return (
            "module draws random numbers in evaluation mode too, so that it has no fixed points: "
            "set its noise to zero, or leave it out of call=lambda module, x, state: ..."
        )
    return (
        "module remembers something from one call to the next, which is no part of the state that "
        "it is given: say how it steps from a state and an input alone, by "
        "call=lambda module, x, state: ..."
    )


def _require_real_use_of_state(step: ModuleStep, kind: Kind) -> None:
    import torch

    x, h = _rows(step, kind)
    with torch.no_grad():
        one, other = step(x, h), step(x, h.flip(0))
        if one.is_complex():
            raise TypeError(
                "module makes complex states, and those of cells are real: say how it steps from "
                "real and imaginary parts, (real, imag), by call=lambda module, x, state: ..."
            )
        if one.isfinite().all() and _same(one, other):
            raise ValueError(
                "module does not use the state that it is given: the same input led from different "
                f"states to the same one. If it takes states in another way, say so by {CALL}"
            )


def of_two_steps(step: ModuleStep, kind: Kind) -> TwoSteps:
    """Return what a module makes of two inputs at once."""
    import torch

    if step.way not in TIME_AXIS:
        return TwoSteps.REFUSED
    x, h = _rows(step, kind)
    with torch.no_grad():
        once = step(x, h)
        twice = step(x, once)
        try:
            found = step.last(step.answer(x, h, n_steps=2), len(h), n_steps=2)
        except Exception:  # noqa: BLE001 - it makes one step alone
            return TwoSteps.REFUSED
    if found is None or _alike(found, once):
        return TwoSteps.REFUSED
    return TwoSteps.STEPS if _alike(found, twice) else TwoSteps.OTHER


def _told(tried: list[tuple[ModuleStep, str]], kind: Kind) -> str:
    """Return what is said of a module that no way leads through."""
    batched = [pair for pair in tried if pair[0].way not in WITHOUT_BATCH] or tried
    said: dict[str, str] = {}
    for step, reason in batched:
        shapes = nested.rebuilt(step.parts.form, [own.batch(0) for own in step.own])
        way = WAYS[step.way].format(n="n", d=kind.n_inputs)
        said.setdefault(reason, f"of input {way} and state {_with_n(shapes)}, {reason}")
    shown = list(said.values())[:_MOST_SAID]
    return (
        f"module could not make a step: {'; '.join(shown)}. Say what it takes by n_inputs=, state= "
        f"and batch_first=, or by {CALL}{_of_embeddings(tried[0][0].module)}"
    )


def _of_embeddings(module: torch.nn.Module) -> str:
    """Return what is said of a module that may read whole numbers; nothing of another one."""
    from torch import nn

    found = [name for name, part in module.named_modules() if isinstance(part, nn.Embedding)]
    if not found:
        return ""
    return (
        f". It has an embedding, {found[0] or 'itself'}, and the inputs of a cell are vectors, no "
        "tokens: pass the recurrent part of it"
    )


def _with_n(shapes: Any) -> str:
    return str(shapes).replace("(0, ", "(n, ").replace(", 0,", ", n,").replace("(0,)", "(n,)")


def _first_line(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    return first if first.startswith("it returned") else f"{type(error).__name__}: {first}"


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    import torch

    return torch.equal(one.nan_to_num(), other.nan_to_num())


def _alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    import torch

    tolerance = 1e-6 if one.dtype == other.dtype == torch.float64 else 1e-3
    return one.shape == other.shape and torch.allclose(
        one, other.to(one.dtype), rtol=tolerance, atol=tolerance, equal_nan=True
    )
