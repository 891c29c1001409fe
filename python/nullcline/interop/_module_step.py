"""One step of a recurrent module of PyTorch, called as it is made to be, as a function of rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from nullcline._support import nested
from nullcline.interop._state_names import names_state
from nullcline.interop._torchscript import archived, is_script, restored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import torch

    from nullcline.cells.state_parts import StateParts

WAYS = {
    "rows": "({n}, {d})",
    "time first": "(1, {n}, {d})",
    "batch first": "({n}, 1, {d})",
    "one": "({d},)",
    "sequence": "(1, {d})",
}
"""How a module takes the inputs of one step, and the shape of these."""

WITHOUT_BATCH = ("one", "sequence")
"""The ways of modules that take one row at a time, so that `torch.func.vmap` makes the batch."""

TIME_AXIS = {"time first": 0, "batch first": 1}
"""The axis of steps, where a module takes batches of sequences."""


@dataclass(frozen=True)
class Arguments:
    """How `forward` takes an input and a state.

    Attributes
    ----------
    names
        The names of its arguments for the state: one, or one for each part.
    by_name
        Whether the state is passed by these.
    state_first
        Whether the state comes before the input.
    is_alone
        Whether there is no input at all.
    """

    names: tuple[str, ...] = ("state",)
    by_name: bool = False
    state_first: bool = False
    is_alone: bool = False

    def of(self, x: Any, state: Any) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """Return the arguments of a call, by place and by name."""
        values = (state,) if len(self.names) == 1 else tuple(state)
        if self.is_alone:
            return values, {}
        if self.by_name:
            return (x,), dict(zip(self.names, values, strict=True))
        return ((*values, x) if self.state_first else (x, *values)), {}


@dataclass(frozen=True)
class OwnShape:
    """The shape of an array of states as a module has it.

    Attributes
    ----------
    shape
        For one row, of which no axis counts rows.
    axis
        Where the axis goes that does.
    """

    shape: tuple[int, ...]
    axis: int

    def batch(self, n: int | None) -> tuple[int, ...]:
        """Return the shape for `n` rows, or without a batch."""
        if n is None:
            return self.shape
        return (*self.shape[: self.axis], n, *self.shape[self.axis :])


@dataclass(frozen=True)
class ModuleStep:
    """A module's next states of its states and inputs: what `from_function` calls f.

    Attributes
    ----------
    module
        The module.
    parts
        What its states are made of.
    own
        The shape of each part as the module has it.
    way
        How it takes inputs: a key of `WAYS`.
    arguments
        How it takes states.
    call
        What calls it in the user's own way, with inputs as rows; None for its `forward`.
    device
        Where it computes.
    """

    module: torch.nn.Module
    parts: StateParts
    own: tuple[OwnShape, ...]
    way: str = "rows"
    arguments: Arguments = Arguments()
    call: Callable[..., Any] | None = None
    device: str = "cpu"

    def __getstate__(self) -> dict[str, Any]:
        state = dict(vars(self))
        if is_script(self.module):
            state["module"] = archived(self.module)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        if isinstance(state["module"], bytes):
            state = state | {"module": restored(state["module"])}
        vars(self).update(state)

    def __call__(self, inputs: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """Return the next states, shape (n, S), of inputs (n, D) and states (n, S)."""
        return self._following(inputs.to(self.device), states.to(self.device)).to(states.device)

    def _following(self, inputs: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        import torch

        if self.way in WITHOUT_BATCH:
            found: torch.Tensor = torch.func.vmap(self._following_one)(inputs, states)
            return found
        n = len(states)
        return self._as_rows(self._next(self.answer(inputs, states), n), n)

    def _as_rows(self, parts: Sequence[Any], n: int) -> torch.Tensor:
        import torch

        rows = [
            part.reshape(own.batch(n)).movedim(own.axis, 0).reshape(n, -1)
            for part, own in zip(parts, self.own, strict=True)
        ]
        return torch.cat(rows, dim=1)

    def answer(self, inputs: torch.Tensor, states: torch.Tensor, n_steps: int = 1) -> Any:
        """Return all that the module answers to a batch, with the same inputs at every step."""
        return self._called(self.own_inputs(inputs, n_steps), states, len(states))

    def own_inputs(self, inputs: torch.Tensor, n_steps: int = 1) -> torch.Tensor:
        """Return inputs (n, D) as the module takes them, the same at every step."""
        if self.way in TIME_AXIS:
            axis = TIME_AXIS[self.way]
            return inputs.unsqueeze(axis).repeat_interleave(n_steps, axis)
        return inputs

    def candidates(self, found: Any, n: int | None) -> Iterator[list[torch.Tensor]]:
        """Yield all that may be the next states among what the module answers, the likeliest first.

        That is all of it, or its entry that is called what states are, or its last one that has the
        form of states: most return an output first.
        """
        for forms in self._by_likelihood(found):
            fitting = [
                values
                for values in self._of_the_form(forms)
                if all(map(_fits, values, self.own, [n] * len(values)))
            ]
            yield from fitting
            if fitting:
                return

    def last(self, found: Any, n: int, n_steps: int) -> torch.Tensor | None:
        """Return the states after so many steps, as rows, of what the module answers to them.

        They may be there for each step. None where they are not found.
        """
        for values in self._of_the_form(chain(*self._by_likelihood(found))):
            ends = [
                value if _fits(value, own, n) else _end(value, own, n, n_steps)
                for value, own in zip(values, self.own, strict=True)
            ]
            if all(end is not None for end in ends):
                return self._as_rows(ends, n)
        return None

    def _by_likelihood(self, found: Any) -> tuple[list[Any], list[Any]]:
        """Return the parts of an answer that may be states, and those that may be without them."""
        count = len(self.own)
        likely = [found]
        if isinstance(found, list | tuple) and 1 < count < len(found):
            likely.append(found[-count:])
        entries = nested.entries(found)[::-1]
        named = [value for name, value in entries if names_state(name)]
        others = [value for name, value in entries if not names_state(name)]
        return (likely + named, others) if named else (likely + others, [])

    def _of_the_form(self, forms: Iterable[Any]) -> Iterator[list[Any]]:
        for form in forms:
            values = nested.matched(self.parts.form, form)
            if values is not None:
                yield values

    def _following_one(self, read: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        import torch

        found = self._called(read if self.way == "one" else read[None], state, None)
        return torch.cat([part.reshape(-1) for part in self._next(found, None)])

    def _called(self, inputs: torch.Tensor, states: torch.Tensor, n: int | None) -> Any:
        import torch

        inputs = inputs.clone()
        arrays = []
        for part, own in zip(self.parts, self.own, strict=True):
            columns = states[..., part.columns]
            if n is not None:
                columns = columns.reshape(n, *own.shape).movedim(0, own.axis)
            given = columns.reshape(own.batch(n))
            arrays.append(given.clone(memory_format=torch.contiguous_format))  # may be written to
        state = nested.rebuilt(self.parts.form, arrays)
        if self.call is not None:
            return self.call(self.module, inputs, state)
        by_place, by_name = self.arguments.of(inputs, state)
        return self.module(*by_place, **by_name)

    def _next(self, found: Any, n: int | None) -> list[torch.Tensor]:
        for values in self.candidates(found, n):
            return values
        expected = nested.rebuilt(self.parts.form, [own.batch(n) for own in self.own])
        raise ValueError(f"it returned {shapes_of(found)}, in which no next state {expected} is")


def shapes_of(found: Any) -> str:
    """Return what was returned, in words: shapes in place of tensors."""
    described = nested.rebuilt(
        found,
        [
            _Word(str(tuple(value.shape)) if hasattr(value, "shape") else type(value).__name__)
            for _, value in nested.leaves(found)
        ],
    )
    return str(described)


class _Word(str):
    """A word that shows without quotation marks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _long(shape: tuple[int, ...]) -> list[int]:
    return [length for length in shape if length != 1]


def _fits(value: Any, own: OwnShape, n: int | None) -> bool:
    """Whether a value has the shape of a part, but for axes of length one."""
    import torch

    if not (isinstance(value, torch.Tensor) and (value.is_floating_point() or value.is_complex())):
        return False
    expected = own.batch(n)
    return value.numel() == math.prod(expected) and _long(value.shape) == _long(expected)


def _end(value: Any, own: OwnShape, n: int, n_steps: int) -> torch.Tensor | None:
    """Return the last of the states that a value has for each of some steps; None of another."""
    import torch

    if isinstance(value, torch.Tensor):
        for axis in range(min(2, value.dim())):
            end: torch.Tensor = value.select(axis, -1)
            if value.shape[axis] == n_steps and _fits(end, own, n):
                return end
    return None
