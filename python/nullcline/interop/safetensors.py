"""Cells from a file of parameters that are named as PyTorch names them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from nullcline import cells
from nullcline._support import validation
from nullcline._support.reading import explaining, open_regular
from nullcline.interop._frameworks import framework
from nullcline.interop._parameters import parameter
from nullcline.interop._torch_layout import BIASES, WEIGHTS, stack

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from numpy.typing import DTypeLike

    from nullcline._support.validation import Floats
    from nullcline.cells import CompiledCell

_GATES = {"RNN": 1, "UGRNN": 2, "GRU": 3, "LSTM": 4}
_NAME = re.compile(
    r"(?:weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)(?:_l(?P<layer>\d+)(?:_reverse)?)?"
)
_NUMPY_HAS = re.compile("F64|F32|F16|BF16|I64|I32|I16|I8|U64|U32|U16|U8|BOOL")
"""What NumPy can hold, of the types that safetensors names; BF16 with the help of ml_dtypes."""

_PREFIX = re.compile(r"(.*)weight_hh(?:_l0)?")
_REPARAMETRIZED = re.compile(
    r"(?P<prefix>.*?)(?:(?P<inside>parametrizations\.))?"
    r"(?P<name>(?:weight|bias)_[ih]h(?:_l\d+(?:_reverse)?)?)"
    r"(?(inside)\..+|(?P<part>_g|_v|_u|_orig|_mask|_raw))"
)
_MAKERS = {
    "_mask": ("prune", "prune.remove"),
    "_u": ("spectral_norm", "remove_spectral_norm"),
    "_g": ("weight_norm", "remove_weight_norm"),
    None: ("a parametrization", "parametrize.remove_parametrizations"),
}
"""What computes a weight of parts, one of which ends so, and what of torch.nn.utils undoes it."""


@overload
def from_safetensors(
    path: str | os.PathLike[str],
    *,
    prefix: str = ...,
    kind: Literal["GRU"],
    nonlinearity: str | None = ...,
    dtype: DTypeLike = ...,
) -> list[cells.GRU]: ...
@overload
def from_safetensors(
    path: str | os.PathLike[str],
    *,
    prefix: str = ...,
    kind: Literal["LSTM"],
    nonlinearity: str | None = ...,
    dtype: DTypeLike = ...,
) -> list[cells.LSTM]: ...
@overload
def from_safetensors(
    path: str | os.PathLike[str],
    *,
    prefix: str = ...,
    kind: Literal["RNN"],
    nonlinearity: str | None = ...,
    dtype: DTypeLike = ...,
) -> list[cells.RNN]: ...
@overload
def from_safetensors(
    path: str | os.PathLike[str],
    *,
    prefix: str = ...,
    kind: Literal["UGRNN"],
    nonlinearity: str | None = ...,
    dtype: DTypeLike = ...,
) -> list[cells.UGRNN]: ...
@overload
def from_safetensors(
    path: str | os.PathLike[str],
    *,
    prefix: str = ...,
    kind: str | None = ...,
    nonlinearity: str | None = ...,
    dtype: DTypeLike = ...,
) -> list[cells.CompiledCell]: ...
def from_safetensors(
    path: str | os.PathLike[str],
    *,
    prefix: str = "",
    kind: str | None = None,
    nonlinearity: str | None = None,
    dtype: DTypeLike = np.float64,
) -> list[Any]:
    """Make cells of a safetensors file, one per layer.

    The file holds parameters under PyTorch's names: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`,
    `bias_hh_l0`, `weight_ih_l1`, ..., with `_reverse` at the end for the backward direction; or
    `weight_ih`, ..., of a single cell. Biases may be missing altogether. Nothing but these is read.
    A file cannot be called: names, shapes and values are checked, not how its module steps.

    Parameters
    ----------
    path
        The file.
    prefix
        What precedes these names in the file, such as `"rnn."` in that of a model.
    kind
        `"RNN"`, `"GRU"`, `"LSTM"` or `"UGRNN"`; by default what the shapes say: H, 3H, 4H or 2H
        rows of `weight_hh`, whose H columns are the units.
    nonlinearity
        `"tanh"` or `"relu"` of an RNN, which the file does not say.
    dtype
        What the cells compute in: float64, to which narrower parameters are promoted exactly, or
        float32, to which wider ones are rounded.

    Returns
    -------
    list of RNN, GRU, LSTM or UGRNN
        From the layer that reads the input to the last, each a `Bidirectional` if the file has the
        backward direction.

    Raises
    ------
    OSError
        If the file cannot be opened: FileNotFoundError, if there is none.
    ModuleNotFoundError
        If safetensors is not installed.
    NotImplementedError
        For an LSTM with a projection (`weight_hr_l0`), and for weights that the file keeps as parts
        to compute them of, as `weight_norm`, `spectral_norm`, `prune` and parametrizations do.
    TypeError
        If a parameter is not of a floating-point type.
    ValueError
        If the file is damaged, a tensor is missing, has a shape that does not fit or is NaN or
        infinite, or `kind` or `nonlinearity` is none of the above or does not fit the file.
    """
    found = _read(Path(path), prefix, validation.float_type(dtype))
    kind = _kind(found, kind)
    make = _constructor(kind, nonlinearity)

    def cell(suffix: str) -> CompiledCell:
        return make(*found.of_layer(suffix, _GATES[kind]))

    if found.is_cell:
        return [cell("")]
    return stack(cell, found.layers, bidirectional=found.bidirectional)


@dataclass(frozen=True)
class _Parameters:
    """The tensors of a stack of layers, or of a cell, by their names without the prefix."""

    path: Path
    prefix: str
    tensors: dict[str, Floats]

    @property
    def is_cell(self) -> bool:
        """Whether they are those of a single cell, whose names carry no layer."""
        return all(_layer(name) is None for name in self.tensors)

    @property
    def layers(self) -> int:
        """The number of layers, if none between is missing."""
        return 1 + max(int(number) for number in map(_layer, self.tensors) if number is not None)

    @property
    def bidirectional(self) -> bool:
        return any(name.endswith("_reverse") for name in self.tensors)

    @property
    def recurrent_shape(self) -> tuple[int, int]:
        """(gates H, H), from the first layer."""
        name = "weight_hh" if self.is_cell else "weight_hh_l0"
        rows, columns = self.tensor(name, None, None).shape
        return rows, columns

    def of_layer(self, suffix: str, gates: int) -> list[Floats]:
        """Return the weights, and the biases if there are any, of the layer of that suffix."""
        size = self.recurrent_shape[1]
        rows = gates * size
        is_first = suffix in {"", "_l0", "_l0_reverse"}
        below = None if is_first else size * (2 if self.bidirectional else 1)
        shapes: list[tuple[int | None, ...]] = [(rows, below), (rows, size)]
        names = list(WEIGHTS)
        if any(name.startswith("bias") for name in self.tensors):
            shapes += [(rows,), (rows,)]
            names += BIASES
        return [
            self.tensor(name + suffix, *shape) for name, shape in zip(names, shapes, strict=True)
        ]

    def tensor(self, name: str, *shape: int | None) -> Floats:
        """Return a tensor of a shape, in which None stands for any length but 0."""
        full = self.prefix + name
        if name not in self.tensors:
            raise ValueError(f"{self.path} has no tensor {full}")
        found = self.tensors[name].shape
        if len(found) != len(shape) or not all(
            length == wanted or (wanted is None and length)
            for length, wanted in zip(found, shape, strict=True)
        ):
            expected = ", ".join("any" if wanted is None else str(wanted) for wanted in shape)
            raise ValueError(f"{full} in {self.path} must have shape ({expected}), not {found}")
        return self.tensors[name]


def _read(path: Path, prefix: str, dtype: np.dtype[Any]) -> _Parameters:
    """Read the tensors that are named as PyTorch names a stack's or a cell's."""
    safetensors = framework("safetensors", "safetensors")
    open_regular(path).close()  # what is not there, or no file, is refused before it is mapped
    with explaining(path, "a safetensors file"):
        file = safetensors.safe_open(path, framework="numpy")
    with file:
        names = list(file.keys())
        short = [name[len(prefix) :] for name in names if name.startswith(prefix)]
        wanted = [name for name in short if _NAME.fullmatch(name)]
        _require_plain_weights(path, prefix, names)
        _require_stack_or_cell(path, prefix, wanted, names)
        tensors = {name: _tensor(path, file, prefix + name, dtype) for name in wanted}
    return _Parameters(path, prefix, tensors)


def _require_stack_or_cell(path: Path, prefix: str, wanted: list[str], names: list[str]) -> None:
    if not wanted:
        elsewhere = [_PREFIX.fullmatch(n) or _REPARAMETRIZED.fullmatch(n) for n in names]
        prefixes = ", ".join(dict.fromkeys(repr(match[1]) for match in elsewhere if match))
        hint = f"pass prefix=, one of {prefixes}" if prefixes else "it holds no recurrent layer"
        raise ValueError(f"{path} has no weight_hh_l0 or weight_hh after prefix {prefix!r}: {hint}")
    if any(name.startswith("weight_hr") for name in wanted):
        raise NotImplementedError(
            f"{path} holds an LSTM with a projection ({prefix}weight_hr), which has no cell here"
        )
    if len({_layer(name) is None for name in wanted}) > 1:
        raise ValueError(
            f"{path} has names of a stack (_l0) and of a cell after prefix {prefix!r}; keep "
            "different modules under different prefixes"
        )


def _require_plain_weights(path: Path, prefix: str, names: list[str]) -> None:
    """Raise if a weight of the module, or of one around it, is kept as parts to compute it of."""
    parts = [match for match in map(_REPARAMETRIZED.fullmatch, names) if match]
    for match in parts:
        here, name, part = match["prefix"], match["name"], match["part"]
        if part == "_raw" and prefix in {here, f"{here}module."}:
            raise NotImplementedError(
                f"{path} has {match[0]}, of which weight drop computes {name} when it is called: "
                f"pass from_torch a GRU, LSTM or RNN with {match[0]} for its {name}"
            )
        if here == prefix:
            kinds = {m["part"] for m in parts if (m["prefix"], m["name"]) == (here, name)}
            maker, undo = next(_MAKERS[kind] for kind in _MAKERS if kind in {*kinds, None})
            raise NotImplementedError(
                f"{path} has {match[0]}, of which {maker} computes {name}: load it into its module "
                "and pass that to from_torch, or save the weights after torch.nn.utils."
                f"{undo}(module, {name!r})"
            )


def _layer(name: str) -> str | None:
    match = _NAME.fullmatch(name)
    return match["layer"] if match else None


def _tensor(path: Path, file: Any, name: str, dtype: np.dtype[Any]) -> Floats:
    stored = file.get_slice(name).get_dtype()
    if stored == "BF16":
        framework("ml_dtypes", "safetensors")  # teaches NumPy the type
    if not _NUMPY_HAS.fullmatch(stored):
        raise TypeError(f"{name} in {path} is stored as {stored}, which NumPy cannot hold")
    with explaining(path, "a safetensors file"):
        value = file.get_tensor(name)
    try:
        return parameter(name, value, dtype)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{path}: {error}") from error


def _kind(found: _Parameters, kind: str | None) -> str:
    """Return the kind of cell, from the shape of the recurrent weights; check one that is given."""
    if kind is not None and kind not in _GATES:
        raise ValueError(f"kind must be None or one of {', '.join(_GATES)}, not {kind!r}")
    rows, size = found.recurrent_shape
    fitting = [name for name, gates in _GATES.items() if rows == gates * size]
    if not fitting or kind not in {None, *fitting}:
        wanted = kind or "RNN, UGRNN, GRU or LSTM"
        raise ValueError(
            f"weight_hh of shape ({rows}, {size}) in {found.path} is no {wanted}'s; its shape is "
            "(H, H) in an RNN, (2H, H) in a UGRNN, (3H, H) in a GRU and (4H, H) in an LSTM"
        )
    return fitting[0]


def _constructor(kind: str, nonlinearity: str | None) -> Callable[..., CompiledCell]:
    if kind == "RNN":
        if nonlinearity not in {"tanh", "relu"}:
            raise ValueError(
                "nonlinearity must be 'tanh' or 'relu' for an RNN, whose file does not say which, "
                f"not {nonlinearity!r}"
            )
        return partial(cells.RNN, nonlinearity=nonlinearity)
    if nonlinearity is not None:
        raise ValueError(f"nonlinearity must be None for {kind}, not {nonlinearity!r}")
    make: Callable[..., CompiledCell] = getattr(cells, kind)
    return make
