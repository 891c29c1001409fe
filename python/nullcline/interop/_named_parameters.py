"""Cells of parameters that are named as PyTorch names them, whatever file they come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from nullcline import cells
from nullcline.interop._torch_layout import BIASES, WEIGHTS, leaky_cell, stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from nullcline._support.validation import Floats
    from nullcline.cells import CompiledCell

_GATES = {"RNN": 1, "UGRNN": 2, "GRU": 3, "LSTM": 4, "LeakyRNN": 1}
_LEAK = "alpha"
"""What a leaky network has beside its weights: one number for all layers."""

_NAME = re.compile(
    r"(?:weight_ih|weight_hh|weight_hr|bias_ih|bias_hh)(?:_l(?P<layer>\d+)(?:_reverse)?)?"
)

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


def prefixes(names: Sequence[str]) -> list[str]:
    """Return what precedes the names of every recurrent layer, or stack of layers, among names."""
    found = [_PREFIX.fullmatch(name) or _REPARAMETRIZED.fullmatch(name) for name in names]
    return list(dict.fromkeys(match[1] for match in found if match))


def cells_of(
    path: Path,
    names: Sequence[str],
    read: Callable[[str], Floats],
    *,
    prefix: str,
    kind: str | None,
    nonlinearity: str | None,
) -> list[Any]:
    """Make cells of the parameters after a prefix, one per layer.

    Parameters
    ----------
    path
        The file, for messages.
    names
        All names that it has.
    read
        Returns the array of a name; called for those that are needed alone.
    prefix, kind, nonlinearity
        As in `nullcline.from_safetensors`, which says what is raised.
    """
    short = [name[len(prefix) :] for name in names if name.startswith(prefix)]
    wanted = [name for name in short if _NAME.fullmatch(name)]
    _require_plain_weights(path, prefix, names)
    _require_stack_or_cell(path, prefix, wanted, names)
    found = _Parameters(path, prefix, {name: read(prefix + name) for name in wanted})
    kind = _kind(found, kind, is_leaky=_LEAK in short)
    make = _constructor(kind, nonlinearity)
    if kind == "LeakyRNN":
        make = partial(leaky_cell, _leak(path, prefix + _LEAK, read))

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


def _require_stack_or_cell(
    path: Path, prefix: str, wanted: list[str], names: Sequence[str]
) -> None:
    if not wanted:
        elsewhere = ", ".join(map(repr, prefixes(names)))
        hint = f"pass prefix=, one of {elsewhere}" if elsewhere else "it holds no recurrent layer"
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


def _require_plain_weights(path: Path, prefix: str, names: Sequence[str]) -> None:
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


def _leak(path: Path, name: str, read: Callable[[str], Floats]) -> float:
    alpha = read(name)
    if alpha.size != 1 or not 0 < alpha.item() <= 1:
        raise ValueError(
            f"{name} in {path} must be one number in (0, 1], the leak of a LeakyRNN; of an RNN "
            "beside another alpha, pass kind='RNN'"
        )
    return float(alpha.item())


def _kind(found: _Parameters, kind: str | None, *, is_leaky: bool) -> str:
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
    if kind == "LeakyRNN" and not is_leaky:
        raise ValueError(f"{found.path} has no leak, {found.prefix}{_LEAK}, as a LeakyRNN has")
    return kind or ("LeakyRNN" if is_leaky and "LeakyRNN" in fitting else fitting[0])


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
