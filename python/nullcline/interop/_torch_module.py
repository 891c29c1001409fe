"""A recurrent module of PyTorch, read and called without anyone noticing: through a copy."""

from __future__ import annotations

import copy
import re
from contextlib import ExitStack, contextmanager
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.cells.bidirectional import Bidirectional
from nullcline.interop._agreement import (
    BFLOAT16,
    DOUBLE,
    HALF,
    MODULE_REMEDY,
    REMEDY,
    SINGLE,
    TF32,
    DifferentStepError,
    cannot_be_called,
    moved,
    probe_inputs,
    probe_states,
    require_same,
)
from nullcline.interop._parameters import parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from nullcline._support.validation import Floats


_READ = re.compile(r"(weight|bias)_[ih]h(_l\d+(_reverse)?)?")
"""Names of the weights that a cell is made of."""


def unwrapped(module: Any) -> Any:
    """Return the module that `DataParallel`, its distributed kind or `torch.compile` wraps."""
    import torch

    parallel = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
    while True:
        if isinstance(module, parallel):
            module = module.module
        elif isinstance(module, torch.nn.Module) and "_orig_mod" in module._modules:  # compiled
            module = module._orig_mod
        else:
            return module


def evaluated_copy(module: torch.nn.Module) -> Any:
    """Return a copy that shares no memory with the module, in evaluation mode.

    Weights that hooks compute are results, which PyTorch refuses to copy; here they are copied
    without their history. Hooks are copied too, so that what they remember stays as it is, unless
    they hold what cannot be copied, such as a lock.
    """
    results = {
        id(tensor): tensor.detach().clone() for tensor in _tensors(module) if not tensor.is_leaf
    }
    try:
        return _evaluating(copy.deepcopy(module, dict(results)))
    except Exception:  # noqa: BLE001 - whatever a copy may raise
        hooks = {
            id(value): copy.copy(value)
            for part in module.modules()
            for name, value in vars(part).items()
            if name.endswith("_hooks")
        }
        return _evaluating(copy.deepcopy(module, results | hooks))


def _evaluating(module: Any) -> Any:
    """Return a module in evaluation mode; its own `eval` need not return it."""
    module.eval()
    return module


class CallableCopy:
    """A recurrent module, or one of the `Cell` classes, of which the weights are up to date.

    Parameters
    ----------
    module
        The module. It is copied, and the copy called once, in evaluation mode, since hooks compute
        weights when a module is called.

    Raises
    ------
    ValueError
        If the module cannot be copied, or code outside of it sets a weight.
    """

    def __init__(self, module: torch.nn.Module) -> None:
        from torch import nn

        self._module = module
        self._failure: Exception | None = None
        self.is_cell = isinstance(module, nn.RNNCellBase)
        self._has_c = isinstance(module, nn.LSTM | nn.LSTMCell)
        with _as_in_evaluation(module):
            self._own, self._roundoff = self._called_once()

    @property
    def layers(self) -> int:
        """The number of layers."""
        return int(self._own.num_layers)

    @property
    def bidirectional(self) -> bool:
        """Whether each layer has two directions."""
        return bool(getattr(self._own, "bidirectional", False))

    def weight(self, name: str, dtype: np.dtype[Any]) -> Floats:
        """Return a weight; raise ValueError if the module has none."""
        found = self.array(name, dtype)
        if found is None:
            raise ValueError(f"module has no weight {name}; {MODULE_REMEDY}")
        return found

    def array(self, name: str, dtype: np.dtype[Any]) -> Floats | None:
        """Return a weight or a bias, or None: without biases a module has no such attributes."""
        with _as_in_evaluation(self._module):
            value = getattr(self._own, name, None)
            return None if value is None else parameter(name, value, dtype)

    def require_agreement(self, cells: Sequence[Any]) -> None:
        """Raise unless these cells, one a layer, step as the module does."""
        if self._failure:
            raise cannot_be_called("module", self._failure) from self._failure
        flat = [
            cell
            for layer in cells
            for cell in (layer if isinstance(layer, Bidirectional) else (layer,))
        ]
        states = [probe_states(cell, seed) for seed, cell in enumerate(flat)]
        below = probe_inputs(flat[0], len(flat))
        found = self._called(states, below)
        if [part.shape for part in found] != [part.shape for part in states]:
            raise DifferentStepError(
                f"module does not answer as its kind does: of {len(states)} states of shape "
                f"{states[0].shape} it makes {[part.shape for part in found]}; {MODULE_REMEDY}"
            )
        directions = 2 if self.bidirectional else 1
        for index in range(0, len(flat), directions):
            here = slice(index, index + directions)
            for cell, state, after in zip(flat[here], states[here], found[here], strict=True):
                require_same("module", cell, state, below, after, self._roundoff)
            below = np.hstack([after[:, : flat[index].hidden_size] for after in found[here]])
        if _has_own_step(self._module) and not (self.is_cell or self.bidirectional):
            self._require_same_second_step(flat, states, found)

    def _require_same_second_step(
        self, cells: Sequence[Any], states: Sequence[Floats], found: Sequence[Floats]
    ) -> None:
        """Raise unless two inputs at once lead where one leads after the other."""
        below = first_below = probe_inputs(cells[0], len(cells))
        both = 2 * self._roundoff  # of two results that are compared
        one_by_one = self._called(found, below)
        at_once = self._called(states, below, n_steps=2)
        first_off: Floats = np.zeros(len(below))
        off = first_off
        for cell, start, middle, end, other in zip(
            cells, states, found, one_by_one, at_once, strict=True
        ):
            first_off = moved(cell, start, first_below, first_off, both)
            off = moved(cell, middle, below, np.maximum(first_off, off), both)
            if not (np.abs(end - other) <= off[:, None]).all():
                raise ValueError(
                    "module makes of two inputs at once another state than of one after the "
                    f"other, so that its step depends on more than state and input; {MODULE_REMEDY}"
                )
            first_below, below = middle[:, : cell.hidden_size], end[:, : cell.hidden_size]

    def _called(self, states: Sequence[Floats], inputs: Floats, n_steps: int = 1) -> list[Floats]:
        try:
            with _as_in_evaluation(self._module):
                return self._step(states, inputs, n_steps=n_steps)
        except Exception as error:
            raise cannot_be_called("module", error) from error

    def _called_once(self) -> tuple[Any, float]:
        """Return a copy that has been called, and the unit roundoff of its steps.

        Narrow types, and all on a GPU, where products may be made in TensorFloat-32, are promoted
        to float64: exactly, so that the check is sharp.
        """
        import torch

        numbers = list(_numbers(self._module))
        if any(tensor.is_meta for tensor in numbers):
            return self._module, SINGLE  # whose weights, which have no values, are refused by name
        roundoffs = {_roundoff(tensor) for tensor in numbers}
        is_real = not any(tensor.is_complex() for tensor in numbers)
        if is_real and roundoffs not in ({DOUBLE}, {SINGLE}):
            promoted = self._copy()
            if self._refresh(promoted, torch.float64) is None:
                return promoted, SINGLE
        own = self._copy()  # one that computes in a type of its own
        self._failure = self._refresh(own)  # raised later: what is wrong with a weight comes first
        return own, max(roundoffs, default=SINGLE)

    def _copy(self) -> Any:
        try:
            return evaluated_copy(self._module)
        except Exception as error:
            raise ValueError(
                f"module could not be copied to check what was read of it ({type(error).__name__}: "
                f"{error}); if it comes from an old file, make a new module and load_state_dict "
                f"the old one's state_dict(), or {REMEDY}"
            ) from error

    def _refresh(self, own: Any, dtype: torch.dtype | None = None) -> Exception | None:
        """Call a copy, in a type, so that hooks compute weights; return what was raised.

        Raises
        ------
        ValueError
            If a weight is no parameter, and nothing in the module computed it.
        """
        directions = 2 if getattr(own, "bidirectional", False) else 1
        count = 1 if self.is_cell else directions * own.num_layers
        width = own.hidden_size * (2 if self._has_c else 1)
        try:
            before = dict(vars(own if dtype is None else own.to(dtype)))
            self._step([np.zeros((1, width))] * count, np.zeros((1, own.input_size)), own)
        except Exception as error:  # noqa: BLE001 - whatever a module may raise
            return error
        for name, value in vars(own).items():
            is_read = _READ.fullmatch(name) and validation.is_tensor(value)
            if is_read and value is before.get(name):
                raise ValueError(
                    f"{name} is not a parameter of the module but a tensor that code outside of it "
                    "sets, as weight drop does, and may be out of date: give a copy of the module "
                    f"the weight as a torch.nn.Parameter, or {MODULE_REMEDY}"
                )
        return None

    def _step(
        self, states: Sequence[Floats], inputs: Floats, own: Any = None, n_steps: int = 1
    ) -> list[Floats]:
        """Return the states of every layer and direction after so many steps with one input."""
        import torch

        module = self._own if own is None else own
        like = next(_numbers(module))

        def tensor(array: Floats) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(like.device, like.dtype)

        parts = [tensor(part) for part in self._parts(np.stack(states))]
        x = tensor(inputs)
        if self.is_cell:
            after = module(x, tuple(part[0] for part in parts) if self._has_c else parts[0][0])
        else:
            sequence = torch.stack([x] * n_steps, dim=1 if module.batch_first else 0)
            _, after = module(sequence, tuple(parts) if self._has_c else parts[0])
        rows = torch.cat(tuple(after), dim=-1) if self._has_c else after
        array = rows.detach().to("cpu", torch.float64).numpy()
        return [array] if self.is_cell else list(array)

    def _parts(self, states: Floats) -> list[Floats]:
        return np.split(states, 2, axis=-1) if self._has_c else [states]


def _numbers(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Yield parameters, then buffers, of floating point or complex."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point() or tensor.is_complex():
            yield tensor


def _roundoff(tensor: torch.Tensor) -> float:
    """Return the unit roundoff of steps with a parameter."""
    import torch

    if tensor.dtype == torch.float32:
        return SINGLE if tensor.device.type == "cpu" else TF32
    return {torch.float64: DOUBLE, torch.float16: HALF}.get(tensor.dtype, BFLOAT16)


def _tensors(thing: object) -> Iterator[torch.Tensor]:
    """Yield the tensors that a module, and what its hooks are methods of, hold in any depth."""
    import torch

    seen: set[int] = set()
    ahead = [thing]
    while ahead:
        value = ahead.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, dict):
            ahead += value.values()
        elif isinstance(value, list | tuple):
            ahead += value
        elif isinstance(value, MethodType):
            ahead.append(value.__self__)
        elif hasattr(value, "__dict__") and not isinstance(value, type | ModuleType | FunctionType):
            ahead.append(vars(value))


def _has_own_step(module: Any) -> bool:
    """Whether a class of one's own, or a hook, takes part in a module's step."""
    forward = str(type(module).forward.__module__)
    hooks = module._forward_hooks or module._forward_pre_hooks
    return bool(hooks) or not forward.startswith("torch.nn.")


@contextmanager
def _as_in_evaluation(module: torch.nn.Module) -> Iterator[None]:
    """Call modules here without gradients, autocast or a trace in PyTorch's random numbers.

    PyTorch's own modules draw none in evaluation, and so other threads' draws are left alone.
    """
    import torch

    cards = sorted(
        {tensor.device.index for tensor in module.parameters() if tensor.device.type == "cuda"}
    )
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.no_grad())
        if _has_own_step(module):
            stack.enter_context(torch.random.fork_rng(cards))
        for kind in ("cpu", "cuda") if cards else ("cpu",):
            stack.enter_context(torch.autocast(kind, enabled=False))
        yield
