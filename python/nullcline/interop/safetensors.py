"""Cells from a file of parameters that are named as PyTorch names them."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from nullcline._support import validation
from nullcline._support.reading import explaining, open_regular
from nullcline.interop._frameworks import framework
from nullcline.interop._named_parameters import cells_of
from nullcline.interop._parameters import parameter_in

if TYPE_CHECKING:
    import os

    from numpy.typing import DTypeLike

    from nullcline import cells
    from nullcline._support.validation import Floats

_NUMPY_HAS = re.compile("F64|F32|F16|BF16|I64|I32|I16|I8|U64|U32|U16|U8|BOOL")
"""What NumPy can hold, of the types that safetensors names; BF16 with the help of ml_dtypes."""


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
    kind: Literal["LeakyRNN"],
    nonlinearity: str | None = ...,
    dtype: DTypeLike = ...,
) -> list[cells.LeakyRNN]: ...
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
        `"RNN"`, `"GRU"`, `"LSTM"`, `"UGRNN"` or `"LeakyRNN"`; by default what the shapes say: H,
        3H, 4H or 2H rows of `weight_hh`, whose H columns are the units. A `LeakyRNN` has those of
        an `RNN`, and beside them its leak, one number with the name `alpha`.
    nonlinearity
        `"tanh"` or `"relu"` of an RNN, which the file does not say.
    dtype
        What the cells compute in: float64, to which narrower parameters are promoted exactly, or
        float32, to which wider ones are rounded.

    Returns
    -------
    list of RNN, GRU, LSTM, UGRNN or LeakyRNN
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
    target = validation.float_type(dtype)
    with open_safetensors(path) as file:
        read = partial(_tensor, Path(path), file, dtype=target)
        return cells_of(
            Path(path),
            list(file.keys()),
            read,
            prefix=prefix,
            kind=kind,
            nonlinearity=nonlinearity,
        )


def open_safetensors(path: str | os.PathLike[str]) -> Any:
    """Return an open safetensors file; what is none is refused."""
    safetensors = framework("safetensors", "safetensors")
    open_regular(path).close()  # what is not there, or no file, is refused before it is mapped
    with explaining(path, "a safetensors file"):
        return safetensors.safe_open(path, framework="numpy")


def _tensor(path: Path, file: Any, name: str, dtype: np.dtype[Any]) -> Floats:
    stored = file.get_slice(name).get_dtype()
    if stored == "BF16":
        framework("ml_dtypes", "safetensors")  # teaches NumPy the type
    if not _NUMPY_HAS.fullmatch(stored):
        raise TypeError(f"{name} in {path} is stored as {stored}, which NumPy cannot hold")
    with explaining(path, "a safetensors file"):
        value = file.get_tensor(name)
    return parameter_in(path, name, value, dtype)
