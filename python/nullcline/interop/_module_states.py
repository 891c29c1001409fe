"""What the states of a module are: as its user says, as it answers, or as its attributes say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from nullcline._support import nested, validation
from nullcline.cells.state_parts import StateParts
from nullcline.interop._module_step import WITHOUT_BATCH, OwnShape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch

INPUT_SIZES = (
    *("input_size", "n_inputs", "num_inputs", "n_input", "input_dim", "in_features", "n_in"),
    *("N_in", "num_in", "n_inp", "in_dim", "dim_in", "in_size"),
)
STATE_SIZES = (
    *("hidden_size", "state_size", "hidden_dim", "n_hidden", "hidden_units", "units", "n_units"),
    *("num_units", "n_neurons", "num_neurons", "N", "n_rec", "N_rec", "n_hid", "nhid", "hid_dim"),
    *("rnn_hidden_dim", "recurrent_hidden_state_size", "reservoir_size", "state_dim", "n_states"),
)
LAYERS = ("num_layers", "n_layers", "nlayers")

EXAMPLE = (
    "say what its state is by state=, a number of units, or an example as module takes it, such as "
    "state=torch.zeros(1, 1, 64) or state=(h0, c0)"
)

ROWS = (3, 5, 7, 11, 13)
"""Numbers of rows to call a module with, of which one is none of its sizes."""


class States(NamedTuple):
    """A form that states may have.

    Attributes
    ----------
    form
        A nest with a leaf for each array.
    shapes
        The shape of each, in the order of the leaves.
    """

    form: Any
    shapes: tuple[OwnShape, ...]

    def parts(self, names: Sequence[str]) -> StateParts:
        """Return what a row is made of; without names, by those of the form."""
        own = [name or "h" for name, _ in nested.leaves(self.form)]
        single = [shape.axis == 1 and shape.shape[0] == 1 for shape in self.shapes]  # one layer
        return StateParts(
            self.form,
            names if len(names) == len(own) > 1 else own,
            [
                here.shape[1:] if one else here.shape
                for here, one in zip(self.shapes, single, strict=True)
            ],
            [0 if one else here.axis for here, one in zip(self.shapes, single, strict=True)],
        )


def said(state: Any) -> Iterator[States]:
    """Yield the forms that a user's example may stand for, the likeliest first.

    Raises
    ------
    TypeError
        If it has other leaves than sizes, arrays and tensors of real numbers.
    ValueError
        If it has none, or one of them is empty.
    """
    values = [_said_leaf(name, leaf) for name, leaf in nested.leaves(state)]
    if not values:
        raise ValueError(f"state must have an array at least, not {state!r}: {EXAMPLE}")
    seen: list[tuple[OwnShape, ...]] = []
    as_torch = any(isinstance(shape, tuple) and len(shape) == 3 for shape in values)
    batched = (_layers_first, _rows_first) if as_torch else (_rows_first, _layers_first)
    for read in (*batched, _one_row, _one_row_of_layers):
        shapes = tuple(read(shape) for shape in values)
        if shapes not in seen:
            seen.append(shapes)
            yield States(_form(state), shapes)


def of_sizes(module: torch.nn.Module, n_parts: int) -> Iterator[States]:
    """Yield the forms that a module's attributes speak for."""
    sizes = getattr(module, "state_size", None)
    if isinstance(sizes, list | tuple) and sizes and all(map(_is_size, sizes)):
        yield States(_form(sizes), tuple(OwnShape((size,), 0) for size in sizes))
    size = size_of(module, STATE_SIZES)
    if size is None:
        return
    layers = size_of(module, LAYERS) or 1
    shapes = [OwnShape((size,), 0)] * (layers == 1)
    shapes += [OwnShape((layers, size), 1), OwnShape((layers, size), 0)]
    for count in (1, 2) if n_parts == 1 else (n_parts,):  # (h, c), too
        for shape in shapes:
            yield States((0,) * count if count > 1 else 0, (shape,) * count)


def answered(call: Callable[[int], Any], way: str) -> Iterator[States]:
    """Yield the forms of states that a module may have made that is called without any.

    Parameters
    ----------
    call
        Calls it with so many rows.
    way
        How it takes inputs.
    """
    few, many = (1, 1) if way in WITHOUT_BATCH else (4, 6)
    first, second = call(few), call(many)
    pairs = [(first, second)]
    entries = list(zip(_values(first), _values(second), strict=False))
    if isinstance(first, list | tuple):  # of which the first is the output
        pairs = [*entries[:0:-1], *pairs, *entries[:1]]
    else:
        pairs += entries[::-1]
    for one, other in pairs:
        states = _compared(one, other, few, many)
        if states is not None:
            yield states


def sizes_in(state: Any) -> tuple[int, ...]:
    """Return the lengths of all axes that an example of a state has."""
    return tuple(
        int(length) for _, leaf in nested.leaves(state) for length in getattr(leaf, "shape", ())
    )


def size_of(module: torch.nn.Module, names: Sequence[str]) -> int | None:
    """Return the first of these attributes that is a size, of a module or its configuration."""
    for owner in (module, getattr(module, "config", None)):
        for name in names:
            value: Any = getattr(owner, name, None)
            if _is_size(value):
                return int(value)
    return None


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def row_count(sizes: Sequence[int]) -> int:
    """Return a number of rows that is none of the sizes, so that axes cannot be confused."""
    return next((n for n in ROWS if n not in sizes), max(sizes) + 1)


def _values(answer: Any) -> list[Any]:
    return [value for _, value in nested.entries(answer)]


def _form(state: Any) -> Any:
    """Return the containers of a state, with zeros for its arrays."""
    return nested.rebuilt(state, [0 for _ in nested.leaves(state)])


def _said_leaf(name: str, leaf: Any) -> tuple[int, ...] | int:
    where = f"state[{name!r}]" if name else "state"
    if isinstance(leaf, int) and not isinstance(leaf, bool):
        return validation.whole_number(where, leaf, 1)
    if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
        raise TypeError(
            f"{where} must be a size, an array or a tensor, not {type(leaf).__name__}: {EXAMPLE}"
        )
    kind = str(leaf.dtype).removeprefix("torch.")
    if "float" not in kind:
        raise TypeError(
            f"{where} must hold real numbers that states vary in, not {kind}: leave what counts "
            "or marks to call=, which can fill it in"
        )
    shape = tuple(int(length) for length in leaf.shape)
    if 0 in shape:
        raise ValueError(f"{where} must not be empty, of shape {shape}")
    return shape


def _rows_first(shape: tuple[int, ...] | int) -> OwnShape:
    if isinstance(shape, int):
        return OwnShape((shape,), 0)
    return OwnShape(shape if len(shape) < 2 else shape[1:], 0)


def _layers_first(shape: tuple[int, ...] | int) -> OwnShape:
    if isinstance(shape, int):
        return OwnShape((1, shape), 1)
    if len(shape) < 3:
        return _rows_first(shape) if len(shape) == 2 else OwnShape((1, *shape), 1)
    return OwnShape((shape[0], *shape[2:]), 1)


def _one_row(shape: tuple[int, ...] | int) -> OwnShape:
    return OwnShape((shape,) if isinstance(shape, int) else shape, 0)


def _one_row_of_layers(shape: tuple[int, ...] | int) -> OwnShape:
    own = _one_row(shape).shape
    return OwnShape(own, 1) if len(own) > 1 else OwnShape((1, *own), 1)


def _compared(one: Any, other: Any, few: int, many: int) -> States | None:
    """Return the form of states of `few` rows and of `many`; None where they are none."""
    import torch

    values, others = [value for _, value in nested.leaves(one)], nested.matched(one, other)
    if not values or others is None:
        return None
    shapes = []
    for here, there in zip(values, others, strict=True):
        if not (isinstance(here, torch.Tensor) and isinstance(there, torch.Tensor)):
            return None
        if not here.is_floating_point() or here.dim() != there.dim():
            return None
        if few == many:
            shapes.append(OwnShape(tuple(here.shape), 0))
            continue
        counts = zip(here.shape, there.shape, strict=True)
        differ = [axis for axis, pair in enumerate(counts) if pair == (few, many)]
        if len(differ) != 1:
            return None
        (axis,) = differ
        shapes.append(OwnShape((*here.shape[:axis], *here.shape[axis + 1 :]), axis))
    return States(_form(one), tuple(shapes))
