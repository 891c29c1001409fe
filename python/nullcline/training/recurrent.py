"""PyTorch's recurrent modules, trained as fast as a CPU allows.

They are `torch.nn.GRU`, `LSTM` and `RNN` by class, parameters, arguments and results; only how they
compute differs, and with it the last bits of what they say.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from nullcline._support import validation
from nullcline.training.layer import can_run, run_layer
from nullcline.training.recorded_layer import LayerWeights, recorded_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class _Compiled(nn.Module):
    """A module of PyTorch's that runs in the compiled core where that does the same."""

    nullcline_kind: ClassVar[str]
    """What `nullcline.training.layer` calls its layers."""

    def forward(self, input: Any, hx: Any = None) -> Any:  # noqa: A002 - PyTorch's name
        """Return what the module of PyTorch does: the outputs, and every layer's last state."""
        module: Any = self
        module._update_flat_weights()  # torch.func and parametrize put others in their place
        is_pair = isinstance(self, nn.LSTM) and isinstance(hx, tuple)
        parts = () if hx is None else hx if is_pair else (hx,)
        if not runs_compiled(self, input, parts):
            return super().forward(input, hx)
        outputs, last = _run(self, self.nullcline_kind, _layers(self), input, parts)
        return outputs, last if isinstance(self, nn.LSTM) else last[0]


class GRU(_Compiled, nn.GRU):
    """`torch.nn.GRU`, run and differentiated in the core, which is faster on a CPU.

    The parameters, arguments and results are those of `torch.nn.GRU`, and the gradients too, to
    rounding. Whatever the core does not do is left to PyTorch: other devices, autocast, no biases,
    dropout between layers, both directions, `torch.compile` and `torch.func`. Sequences of
    different lengths are best given packed (`torch.nn.utils.rnn.pack_padded_sequence`), since
    nothing is then computed for padding.
    """

    nullcline_kind = "gru"


class LSTM(_Compiled, nn.LSTM):
    """`torch.nn.LSTM`, as `GRU` is `torch.nn.GRU`; one with projections is left to PyTorch."""

    nullcline_kind = "lstm"


class RNN(_Compiled, nn.RNN):
    """`torch.nn.RNN`, as `GRU` is `torch.nn.GRU`; one with ReLU is left to PyTorch."""

    nullcline_kind = "rnn"


class _Stack(nn.Module):
    """A stack of layers of a cell that PyTorch has not, with parameters as PyTorch names them.

    Parameters
    ----------
    input_size, hidden_size, num_layers, batch_first
        As of `UGRNN`.
    """

    nullcline_cell: ClassVar[str]
    """The cell that `nullcline.from_torch` makes of each layer."""

    nullcline_kind: ClassVar[str]
    """What `nullcline.training.layer` calls its layers."""

    _blocks: ClassVar[int]
    """Blocks of H rows in each parameter."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, *, batch_first: bool = False
    ) -> None:
        super().__init__()
        self.input_size = validation.whole_number("input_size", input_size, 1)
        self.hidden_size = validation.whole_number("hidden_size", hidden_size, 1)
        self.num_layers = validation.whole_number("num_layers", num_layers, 1)
        self.batch_first = batch_first
        bound = 1 / math.sqrt(hidden_size)
        rows = self._blocks * hidden_size
        for layer in range(num_layers):
            width = hidden_size if layer else input_size
            shapes = (rows, width), (rows, hidden_size), (rows,), (rows,)
            for name, shape in zip(_NAMES, shapes, strict=True):
                start = torch.empty(shape).uniform_(-bound, bound)
                self.register_parameter(f"{name}_l{layer}", nn.Parameter(start))

    def forward(
        self, inputs: Tensor | PackedSequence, state: Tensor | None = None
    ) -> tuple[Any, Tensor]:
        """Return the outputs of the last layer at every step, and every layer's last state.

        Parameters
        ----------
        inputs
            The sequences, shape (n, T, D) if `batch_first`, else (T, n, D), or packed.
        state
            The state of each layer to start from, shape (num_layers, n, H); zero by default.

        Returns
        -------
        outputs : torch.Tensor or torch.nn.utils.rnn.PackedSequence
            As `inputs`, with H for D.
        last : torch.Tensor
            Shape (num_layers, n, H).

        Raises
        ------
        TypeError, ValueError
            If an argument is of another type, shape or precision; the message names it.
        """
        n = _require_sequences(self, inputs)
        if state is not None:
            _require_state(self, state, n)
        layers = [
            LayerWeights(*(getattr(self, f"{name}_l{layer}") for name in _NAMES))
            for layer in range(self.num_layers)
        ]
        start = () if state is None else (state,)
        alpha = getattr(self, "alpha", None)  # a leaky cell's
        outputs, (last,) = _run(self, self.nullcline_kind, layers, inputs, start, alpha)
        return outputs, last

    def extra_repr(self) -> str:
        """Return what `repr` says of it, as of PyTorch's modules."""
        return (
            f"{self.input_size}, {self.hidden_size}, num_layers={self.num_layers}, "
            f"batch_first={self.batch_first}"
        )


class UGRNN(_Stack):
    """A stack of update-gate networks (Collins, Sohl-Dickstein and Sussillo 2017, section 2.2).

    `c = tanh(W_c x + U_c h + b_c)`, `g = σ(W_g x + U_g h + b_g)`, `h' = g∘h + (1 − g)∘c`. The
    parameters of layer k are those of `torch.nn.GRU`, with the rows of c first, then those of g:
    `weight_ih_l{k}` (2H, D), `weight_hh_l{k}` (2H, H), `bias_ih_l{k}` and `bias_hh_l{k}` (2H,).
    They start uniform in ±1/√H.

    Parameters
    ----------
    input_size
        Features D of the input.
    hidden_size
        Units H of each layer.
    num_layers
        Number of layers, each reading the outputs of the one below.
    batch_first
        Whether sequences have shape (n, T, D) and not (T, n, D).

    Raises
    ------
    TypeError, ValueError
        If a size is not a whole number of at least 1.
    """

    nullcline_cell = "UGRNN"
    nullcline_kind = "ugrnn"
    _blocks = 2


class LeakyRNN(_Stack):
    """A stack of leaky networks (Jaeger, Lukoševičius, Popovici and Siewert 2007, eq. 2).

    `h' = (1 − α) h + α tanh(W x + b + U h + b')`, the cell `nullcline.LeakyRNN`. The parameters of
    layer k are those of `torch.nn.RNN`, and start as they do: `weight_ih_l{k}` (H, D),
    `weight_hh_l{k}` (H, H), `bias_ih_l{k}` and `bias_hh_l{k}` (H,). With α = 1 it is that module.

    The leak is a setting and not learned, one for all units, as in nearly all such networks of
    neuroscience (α = dt/τ: 0.1 in Mante, Sussillo, Shenoy and Newsome 2013, 0.2 in Yang et al.
    2019). What is remembered for longer than 1/α steps is then remembered by the recurrence, which
    is what fixed points and slow modes are asked about; a unit that learned to leak slowly would
    remember by itself. It is kept with the weights, as the buffer `alpha`.

    Parameters
    ----------
    input_size, hidden_size, num_layers, batch_first
        As of `UGRNN`.
    alpha
        The leak α of every unit, in (0, 1].

    Raises
    ------
    TypeError, ValueError
        If a size is not a whole number of at least 1, or `alpha` no number in (0, 1].
    """

    nullcline_cell = "LeakyRNN"
    nullcline_kind = "leaky_rnn"
    _blocks = 1

    alpha: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        alpha: float,
        batch_first: bool = False,
    ) -> None:
        leak = validation.tolerance("alpha", alpha)
        if not 0 < leak <= 1:
            raise ValueError(f"alpha must be in (0, 1], not {alpha}")
        super().__init__(input_size, hidden_size, num_layers, batch_first=batch_first)
        self.register_buffer("alpha", torch.tensor(leak))

    def extra_repr(self) -> str:
        """Return what `repr` says of it, as of PyTorch's modules."""
        return f"{super().extra_repr()}, alpha={float(self.alpha):.6g}"


def _require_sequences(module: _Stack, inputs: object) -> int:
    """Return how many sequences there are, if they are what the module reads."""
    packed = inputs if isinstance(inputs, PackedSequence) else None
    data = _require_tensor(module, "inputs", packed.data if packed else inputs)
    wanted = "(P, D)" if packed else "(n, T, D)" if module.batch_first else "(T, n, D)"
    shape = tuple(data.shape)
    if len(shape) != wanted.count(",") + 1 or shape[-1] != module.input_size:
        raise ValueError(
            f"inputs must have shape {wanted} with D = {module.input_size}, not {shape}"
            + ("; a single sequence has n = 1" if len(shape) == 2 and not packed else "")
        )
    if 0 in shape:
        raise ValueError(f"inputs must be one sequence of one step or more, not {shape}")
    return int(packed.batch_sizes[0]) if packed else shape[0 if module.batch_first else 1]


def _require_state(module: _Stack, state: object, n: int) -> None:
    shape = tuple(_require_tensor(module, "state", state).shape)
    wanted = module.num_layers, n, module.hidden_size
    if shape != wanted:
        raise ValueError(f"state must have shape (num_layers, n, H) = {wanted}, not {shape}")


def _require_tensor(module: _Stack, name: str, value: object) -> Tensor:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, not {type(value).__name__}")
    weights = module.weight_ih_l0
    casts = torch.is_autocast_enabled(value.device.type)
    if value.layout != torch.strided or (value.dtype != weights.dtype and not casts):
        raise TypeError(
            f"{name} must be a dense tensor of {weights.dtype}, as the weights are, and not "
            f"{value.layout} of {value.dtype}: convert it by .to_dense() or .to({weights.dtype})"
        )
    return value


def last_outputs(
    rnn: Any, read: Callable[[Tensor], Tensor], tokens: Tensor, lengths: Tensor
) -> Tensor:
    """Return the outputs of the last layer after the last step of each sequence, shape (n, H).

    Parameters
    ----------
    rnn
        A module of this file, with `batch_first`.
    read
        Gives the vectors of tokens of shape (...), shape (..., D): each token's by itself. On a CPU
        it is not asked for those of padding.
    tokens
        Shape (n, T, ...), padded on the right.
    lengths
        Number of steps of each sequence, at least 1, shape (n,).
    """
    if can_run(*rnn.parameters()):
        packed = pack_padded_sequence(tokens, lengths, batch_first=True, enforce_sorted=False)
        _, last = rnn(packed._replace(data=read(packed.data)))
        h: Tensor = last[0] if isinstance(last, tuple) else last
        return h[-1]
    # PyTorch's own backward pass of packed sequences is quadratic in their length on a CPU.
    outputs: Tensor = rnn(read(tokens))[0]
    return outputs[torch.arange(len(lengths), device=outputs.device), lengths - 1]


def runs_compiled(module: Any, sequences: Any, start: Sequence[Any] = ()) -> bool:
    """Tell whether a module of PyTorch's runs in the core.

    Arguments that are not what they ought to be are left to PyTorch, which says so.

    Parameters
    ----------
    module
        A `torch.nn.GRU`, `LSTM` or `RNN`.
    sequences
        What it is to read.
    start
        The parts of the states that it is to start from; none for zeros.
    """
    is_plain = (
        module.bias
        and not module.bidirectional
        and module.proj_size == 0
        and not (module.training and module.dropout > 0 and module.num_layers > 1)
        and getattr(module, "nonlinearity", "tanh") == "tanh"
    )
    data = sequences.data if isinstance(sequences, PackedSequence) else sequences
    tensors = (data, *start, *module._flat_weights)  # what PyTorch computes with
    if not is_plain or any(not isinstance(tensor, Tensor) for tensor in tensors):
        return False
    packed = isinstance(sequences, PackedSequence)
    n = int(sequences.batch_sizes[0]) if packed else data.shape[0 if module.batch_first else 1]
    return (
        data.ndim == (2 if packed else 3)
        and data.shape[-1] == module.input_size
        and data.numel() > 0
        and len(start) in (0, 2 if isinstance(module, nn.LSTM) else 1)
        and all(part.shape == (module.num_layers, n, module.hidden_size) for part in start)
        and can_run(*tensors)
    )


def _layers(module: Any) -> list[LayerWeights]:
    """Return the parameters of each layer of a module of PyTorch's."""
    flat = module._flat_weights  # what PyTorch computes with
    return [LayerWeights(*flat[first : first + 4]) for first in range(0, len(flat), 4)]


def _run(
    module: Any,
    kind: str,
    layers: list[LayerWeights],
    sequences: Tensor | PackedSequence,
    start: Sequence[Tensor],
    alpha: Tensor | None = None,
) -> tuple[Tensor | PackedSequence, tuple[Tensor, ...]]:
    """Return the outputs, shaped as the sequences, and the parts of the last states, (L, n, H)."""
    if isinstance(sequences, PackedSequence):
        data, active, order, back = sequences
    else:
        by_step = sequences.transpose(0, 1) if module.batch_first else sequences
        data = by_step.flatten(0, 1)
        active = torch.full((len(by_step),), by_step.shape[1])
        order = back = None
    if start:
        states = torch.cat(tuple(start), dim=2)
        states = states if order is None else states[:, order]
    else:
        parts = 2 if kind == "lstm" else 1
        states = data.new_zeros(len(layers), int(active[0]), parts * module.hidden_size)
    is_fixed = alpha is None or not alpha.requires_grad
    run = run_layer if is_fixed and can_run(data, states, *layers[0]) else recorded_layer
    last = []
    for weights, state in zip(layers, states, strict=True):
        data, after = run(kind, data, active, state, weights, alpha)
        last.append(after)
    every = torch.stack(last) if back is None else torch.stack(last)[:, back]
    parts_of_last = tuple(
        part.contiguous() for part in torch.split(every, module.hidden_size, dim=2)
    )
    if isinstance(sequences, PackedSequence):
        return PackedSequence(data, active, order, back), parts_of_last
    outputs = data.reshape(len(active), -1, data.shape[1])
    return outputs.transpose(0, 1) if module.batch_first else outputs, parts_of_last
