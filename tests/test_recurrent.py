"""Our recurrent modules are PyTorch's: results and gradients to rounding, all else to the bit."""

from __future__ import annotations

import copy
import pickle
import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

import nullcline as nc
from nullcline._native import _core
from nullcline.training import GRU, LSTM, RNN, UGRNN, LeakyRNN
from nullcline.training.layer import kept_memory, run_layer
from nullcline.training.recorded_layer import LayerWeights, recorded_layer
from nullcline.training.recurrent import last_outputs, runs_compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

PAIRS: dict[str, tuple[Any, Any]] = {
    "gru": (GRU, torch.nn.GRU),
    "lstm": (LSTM, torch.nn.LSTM),
    "rnn": (RNN, torch.nn.RNN),
}
MAKERS: dict[str, Any] = {
    **{kind: ours for kind, (ours, _) in PAIRS.items()},
    "ugrnn": UGRNN,
    "leaky_rnn": partial(LeakyRNN, alpha=0.3),
}
KINDS = list(MAKERS)


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def twins(kind: str, *sizes: int, dtype: torch.dtype = torch.float64, **options: Any) -> Any:
    """Return our module and PyTorch's with the same weights."""
    ours, theirs = (make(*sizes, **options).to(dtype) for make in PAIRS[kind])
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def start_of(kind: str, layers: int, n: int, size: int, dtype: torch.dtype) -> Any:
    """Return random states of all layers, as PyTorch takes them."""
    parts = tuple(torch.randn(layers, n, size, dtype=dtype, requires_grad=True) for _ in range(2))
    return parts if kind == "lstm" else parts[0]


def flat(nested: Any) -> list[torch.Tensor]:
    """Return all tensors of what a module returns or takes."""
    if isinstance(nested, PackedSequence):
        return [nested.data]
    return [nested] if isinstance(nested, torch.Tensor) else [x for y in nested for x in flat(y)]


def results_and_gradients(module: Any, sequences: Any, start: Any, of: list[Any]) -> Any:
    """Return what a module says, and the gradients of a sum of it with random weights."""
    results = flat(module(sequences, start))
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(x.shape, generator=generator, dtype=x.dtype) for x in results]
    parts = [(x * weight).sum() for x, weight in zip(results, weights, strict=True)]
    total = torch.stack(parts).sum()
    return results, torch.autograd.grad(total, of)


def close(ours: Any, theirs: Any, tolerance: float) -> None:
    for one, other in zip(ours, theirs, strict=True):
        scale = max(1.0, float(other.detach().abs().max()))
        torch.testing.assert_close(one, other, rtol=0, atol=tolerance * scale)


@settings(max_examples=40)
@given(
    kind=st.sampled_from(sorted(PAIRS)),
    seed=st.integers(0, 10_000),
    n=st.integers(1, 40),
    sizes=st.tuples(st.integers(1, 40), st.integers(1, 70)),
    layers=st.integers(1, 3),
    steps=st.integers(1, 9),
    batch_first=st.booleans(),
    packed=st.booleans(),
    started=st.booleans(),
    single=st.booleans(),
    threads=st.integers(1, 3),
)
def test_results_and_gradients_are_those_of_pytorch(
    kind: str, seed: int, n: int, sizes: tuple[int, int], layers: int, steps: int,
    batch_first: bool, packed: bool, started: bool, single: bool, threads: int,
) -> None:  # fmt: skip
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    dtype = torch.float32 if single else torch.float64
    ours, theirs = twins(kind, *sizes, dtype=dtype, num_layers=layers, batch_first=batch_first)
    shape = (n, steps, sizes[0]) if batch_first else (steps, n, sizes[0])
    sequences = torch.randn(shape, dtype=dtype, requires_grad=True)
    start = start_of(kind, layers, n, sizes[1], dtype) if started else None
    lengths = torch.randint(1, steps + 1, (n,))

    def read() -> Any:
        if packed:
            return pack_padded_sequence(sequences, lengths, batch_first, enforce_sorted=False)
        return sequences

    assert runs_compiled(ours, read(), () if start is None else flat(start))
    of = [sequences, *(flat(start) if started else [])]
    found = results_and_gradients(ours, read(), start, [*of, *ours.parameters()])
    expected = results_and_gradients(theirs, read(), start, [*of, *theirs.parameters()])
    for mine, its in zip(found, expected, strict=True):
        close(mine, its, 1e-5 if single else 1e-13)
    assert type(ours(read())[0]) is type(theirs(read())[0])
    if packed:
        for mine, its in zip(ours(read())[0][1:], theirs(read())[0][1:], strict=True):
            assert torch.equal(mine, its)


def layer_of(kind: str, n_inputs: int, size: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Return inputs, start and weights of a layer, and how many of four sequences have a step."""
    blocks = {"gru": 3, "lstm": 4, "ugrnn": 2}.get(kind, 1) * size
    active = torch.tensor([4, 4, 3, 1, 1])
    shapes = [(13, n_inputs), (4, size * (2 if kind == "lstm" else 1))]
    shapes += [(blocks, n_inputs), (blocks, size), (blocks,), (blocks,)]  # type: ignore[list-item]
    made = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    return made, active


def alpha_of(kind: str) -> torch.Tensor | None:
    return torch.tensor(0.3) if kind == "leaky_rnn" else None


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_small_changes_once_and_twice(kind: str) -> None:
    torch.manual_seed(0)
    tensors, active = layer_of(kind, 2, 3)

    def run(inputs: torch.Tensor, start: torch.Tensor, *weights: torch.Tensor) -> Any:
        return run_layer(kind, inputs, active, start, LayerWeights(*weights), alpha_of(kind))

    assert torch.autograd.gradcheck(run, tensors)
    assert torch.autograd.gradgradcheck(run, tensors)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_does_what_pytorchs_operations_do(kind: str) -> None:
    torch.manual_seed(1)
    (inputs, start, *weights), active = layer_of(kind, 5, 37)
    layer = kind, inputs, active, start, LayerWeights(*weights), alpha_of(kind)
    expected = recorded_layer(*layer)
    close(run_layer(*layer), expected, 1e-13)
    with torch.no_grad():
        close(run_layer(*layer), expected, 1e-13)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_bit_depends_on_the_number_of_threads_or_on_other_sequences(
    kind: str, dtype: torch.dtype
) -> None:
    torch.manual_seed(2)
    module = MAKERS[kind](7, 50, num_layers=2, batch_first=True).to(dtype)
    sequences = torch.randn(61, 9, 7, dtype=dtype, requires_grad=True)
    lengths = torch.arange(61) % 9 + 1
    of = [sequences, *module.parameters()]
    runs = []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        read = pack_padded_sequence(sequences, lengths, batch_first=True, enforce_sorted=False)
        runs.append(results_and_gradients(module, read, None, of))
    for results, gradients in runs[1:]:
        assert all(map(torch.equal, results, runs[0][0]))
        assert all(map(torch.equal, gradients, runs[0][1]))
    alone = module(sequences[17:18, : lengths[17]])[1]
    together = module(read)[1]
    for one, all_ in zip(flat(alone), flat(together), strict=True):
        assert torch.equal(one[:, 0], all_[:, 17])


def test_a_graph_can_be_differentiated_again() -> None:
    torch.manual_seed(3)
    module, sequences = GRU(3, 5, num_layers=2), torch.randn(6, 4, 3)
    total = module(sequences)[0].square().sum()
    with kept_memory():
        first = torch.autograd.grad(total, list(module.parameters()), retain_graph=True)
        second = torch.autograd.grad(total, list(module.parameters()))
    assert all(map(torch.equal, first, second))


def test_memory_that_is_kept_changes_nothing() -> None:
    torch.manual_seed(4)
    module = LSTM(3, 5, num_layers=2)

    def all_gradients() -> list[torch.Tensor]:
        found: list[torch.Tensor] = []
        for n, steps in ((4, 6), (2, 3), (7, 9), (7, 2)):
            rng = torch.Generator().manual_seed(n)
            total = module(torch.randn(steps, n, 3, generator=rng))[0].square().sum()
            found += torch.autograd.grad(total, list(module.parameters()))
        return found

    expected = all_gradients()
    with kept_memory():
        assert all(map(torch.equal, all_gradients(), expected))


def test_outputs_that_were_changed_in_place_are_not_differentiated() -> None:
    module = LSTM(3, 5)
    outputs, _ = module(torch.randn(6, 4, 3))
    with torch.no_grad():
        outputs.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def test_only_last_states_can_be_differentiated() -> None:
    torch.manual_seed(5)
    ours, theirs = twins("lstm", 3, 5)
    sequences = torch.randn(6, 4, 3, dtype=torch.float64)
    found, expected = (
        torch.autograd.grad(module(sequences)[1][1].square().sum(), list(module.parameters()))
        for module in (ours, theirs)
    )
    close(found, expected, 1e-13)


def test_gradients_that_vanish_do_so_quietly() -> None:
    """After hundreds of steps they are subnormal, then zero: PyTorch's to what a float holds."""
    torch.manual_seed(6)
    ours, theirs = twins("rnn", 2, 20, dtype=torch.float32)
    with torch.no_grad():
        for module in (ours, theirs):
            module.weight_hh_l0.mul_(0.5)
    sequences = torch.randn(400, 3, 2, requires_grad=True)
    found, expected = (
        torch.autograd.grad(module(sequences)[0][-1].sum(), sequences)[0]
        for module in (ours, theirs)
    )
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)
    assert float(expected[0].abs().max()) < 1e-38
    assert float(found[0].abs().max()) < 1e-38


# What the core does not do is PyTorch's own, bit for bit


ODD: dict[str, tuple[str, dict[str, Any]]] = {
    "no biases": ("gru", {"bias": False}),
    "two directions": ("lstm", {"bidirectional": True}),
    "dropout between layers": ("gru", {"num_layers": 2, "dropout": 0.5}),
    "a projection": ("lstm", {"proj_size": 2}),
    "ReLU": ("rnn", {"nonlinearity": "relu"}),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
@pytest.mark.parametrize(("kind", "options"), ODD.values(), ids=ODD)
def test_odd_modules_are_left_to_pytorch(kind: str, options: dict[str, Any]) -> None:
    ours, theirs = twins(kind, 3, 5, dtype=torch.float32, **options)
    sequences = torch.randn(6, 4, 3)
    assert not runs_compiled(ours, sequences)
    found, expected = (
        (torch.manual_seed(0), flat(module(sequences)))[1] for module in (ours, theirs)
    )
    assert all(map(torch.equal, found, expected))


def test_dropout_between_layers_acts_in_training_alone() -> None:
    ours, theirs = twins("gru", 3, 5, num_layers=2, dropout=0.5)
    sequences = torch.randn(6, 4, 3, dtype=torch.float64)
    assert runs_compiled(ours.eval(), sequences)
    close(flat(ours(sequences)), flat(theirs.eval()(sequences)), 1e-14)


def test_a_single_sequence_and_autocast_and_transforms_are_left_to_pytorch() -> None:
    ours, theirs = twins("gru", 3, 5, dtype=torch.float32)
    sequence, sequences = torch.randn(6, 3), torch.randn(6, 4, 3)
    assert torch.equal(ours(sequence)[0], theirs(sequence)[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(ours(sequences)[0], theirs(sequences)[0])

    def total(module: Any, parameters: Any) -> torch.Tensor:
        outputs: torch.Tensor = torch.func.functional_call(module, parameters, (sequences,))[0]
        return outputs.sum()

    parameters = dict(ours.named_parameters())
    found, expected = (
        torch.func.grad(total, argnums=1)(module, parameters) for module in (ours, theirs)
    )
    assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
def test_derivatives_that_are_carried_forward_are_left_to_pytorch() -> None:
    module = RNN(3, 5)
    with torch.autograd.forward_ad.dual_level():
        value, tangent = torch.randn(6, 4, 3), torch.ones(6, 4, 3)
        sequences = torch.autograd.forward_ad.make_dual(value, tangent)  # type: ignore[no-untyped-call]
        assert not runs_compiled(module, sequences)


WRONG: dict[str, tuple[Any, Any]] = {
    "another width": (torch.randn(6, 4, 2), None),
    "another type": (torch.randn(6, 4, 3, dtype=torch.float64), None),
    "another number of states": (torch.randn(6, 4, 3), torch.randn(1, 3, 5)),
    "two states": (torch.randn(6, 4, 3), (torch.randn(1, 4, 5), torch.randn(1, 4, 5))),
    "a state in a tuple": (torch.randn(6, 4, 3), (torch.randn(1, 4, 5),)),
    "no tensor": ([1.0], None),
}


@pytest.mark.parametrize(("sequences", "start"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_meet_pytorchs_own_refusal(sequences: Any, start: Any) -> None:
    ours, theirs = twins("gru", 3, 5, dtype=torch.float32)
    refusals = []
    for module in (ours, theirs):
        with pytest.raises(Exception) as refused:  # noqa: PT011 - whatever it is, it is the same
            module(sequences, start)
        refusals.append((type(refused.value), str(refused.value)))
    assert refusals[0] == refusals[1]


# Weights that others have put in place


class Halved(torch.nn.Module):
    """What `torch.nn.utils.parametrize` puts before a weight."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight / 2


@pytest.mark.parametrize("kind", KINDS)
def test_weights_put_in_place_of_others_are_the_weights(kind: str) -> None:
    """`torch.func.functional_call` and parametrizations, such as a spectral norm, do so."""
    torch.manual_seed(7)
    module = MAKERS[kind](3, 5, 2).double()
    sequences = torch.randn(4, 2, 3, dtype=torch.float64)
    before = flat(module(sequences))
    halves = {name: (w.detach() / 2).requires_grad_() for name, w in module.named_parameters()}
    called = flat(torch.func.functional_call(module, halves, (sequences,)))
    of_halves = torch.autograd.grad(called[0].sum(), list(halves.values()))
    close(flat(module(sequences)), before, 0)
    wholes = list(module.parameters())
    for name in halves:
        torch.nn.utils.parametrize.register_parametrization(module, name, Halved())
    parametrized = flat(module(sequences))
    of_wholes = torch.autograd.grad(parametrized[0].sum(), wholes)
    close(parametrized, called, 0)
    close(of_wholes, [x / 2 for x in of_halves], 0)
    for whole in wholes:
        whole.data /= 2
    for name in halves:
        torch.nn.utils.parametrize.remove_parametrizations(module, name, leave_parametrized=False)
    close(flat(module(sequences)), called, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("packed", [False, True])
def test_outputs_can_be_viewed_in_another_shape(kind: str, packed: bool) -> None:
    """Where PyTorch's can, which lie step after step."""
    module = MAKERS[kind](3, 5, 2)
    sequences: Any = torch.randn(4, 2, 3)
    if packed:
        sequences = pack_padded_sequence(sequences, torch.tensor([4, 2]))
    (outputs, *_) = flat(module(sequences))
    assert outputs.view(-1).shape == (outputs.numel(),)


# They are PyTorch's modules


@pytest.mark.parametrize("kind", sorted(PAIRS))
def test_they_are_pytorchs_classes_and_become_cells(kind: str) -> None:
    ours, theirs = twins(kind, 3, 5, num_layers=2)
    assert isinstance(ours, type(theirs))
    assert repr(ours) == repr(theirs)
    for mine, its in zip(nc.from_torch(ours), nc.from_torch(theirs), strict=True):
        np.testing.assert_array_equal(mine.weight_hh, its.weight_hh)
    sequences = torch.randn(6, 4, 3, dtype=torch.float64)
    for same in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):  # noqa: S301
        assert torch.equal(same(sequences)[0], ours(sequences)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_last_outputs_are_those_of_the_last_steps(kind: str) -> None:
    torch.manual_seed(7)
    module = MAKERS[kind](3, 5, num_layers=2, batch_first=True)
    sequences, lengths = torch.randn(9, 6, 3), torch.tensor([1, 6, 3, 2, 6, 1, 4, 5, 2])
    found = last_outputs(module, torch.clone, sequences, lengths)
    padded = module(sequences)[0][torch.arange(9), lengths - 1]
    assert torch.equal(found, padded)
    shapes = []

    def read(data: torch.Tensor) -> torch.Tensor:
        shapes.append(data.shape)
        return data

    last_outputs(module, read, sequences, lengths)
    assert shapes == [(int(lengths.sum()), 3)]  # nothing of padding
    with torch.autocast("cpu", dtype=torch.bfloat16):  # not packed
        try:
            module(sequences)
        except RuntimeError:  # PyTorch's own, where a CPU has no bfloat16: ours says the same
            with pytest.raises(RuntimeError, match="primitive"):
                last_outputs(module, torch.clone, sequences, lengths)
            return
        torch.testing.assert_close(
            last_outputs(module, torch.clone, sequences, lengths).float(), padded, rtol=0, atol=0.05
        )


def test_no_warning_is_raised() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outputs, _ = GRU(3, 5)(torch.randn(6, 4, 3))
        outputs.sum().backward()


# The core refuses what would lead it out of its arrays


def core_arguments(**changes: Any) -> dict[str, Any]:
    zeros = np.zeros
    arguments = {
        "kind": "gru", "inputs": zeros((5, 2)), "weight_ih": zeros((9, 2)),
        "weight_hh": zeros((9, 3)), "bias_ih": zeros(9), "bias_hh": zeros(9),
        "start": zeros((3, 3)), "active": np.array([3, 2]), "preactivations": None, "n_threads": 1,
    }  # fmt: skip
    return {**arguments, **changes}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "mgu"), ("inputs", np.zeros((4, 2))), ("weight_ih", np.zeros((9, 1))),
        ("weight_hh", np.zeros((9, 0))), ("weight_hh", np.zeros((6, 3))), ("bias_ih", np.zeros(8)),
        ("start", np.zeros((2, 3))), ("active", np.array([2, 3])), ("active", np.array([3, 0])),
        ("active", np.array([3, 3])), ("preactivations", np.zeros((5, 9))), ("n_threads", 0),
    ],
)  # fmt: skip
def test_the_core_checks_every_shape(name: str, value: Any) -> None:
    assert _core.run_layer(**core_arguments()).shape == (5, 3)
    with pytest.raises(ValueError, match=r"must|there is no cell"):
        _core.run_layer(**core_arguments(**{name: value}))


@pytest.mark.parametrize("value", [None, np.zeros((1, 2)), np.zeros((2, 3)), np.zeros(3)])
def test_the_core_checks_the_leak(value: Any) -> None:
    weights = {
        "weight_ih": np.zeros((3, 2)), "weight_hh": np.zeros((3, 3)), "bias_ih": np.zeros(3),
        "bias_hh": np.zeros(3), "kind": "leaky_rnn",
    }  # fmt: skip
    leak = np.full((1, 3), 0.5)
    halved = _core.run_layer(**core_arguments(**weights, start=np.ones((3, 3)), parameters=leak))
    np.testing.assert_array_equal(halved, [[0.5] * 3] * 3 + [[0.25] * 3] * 2)
    with pytest.raises(ValueError, match="must"):
        _core.run_layer(**core_arguments(**weights, parameters=value))
    with pytest.raises(ValueError, match="parameters must be given where the cell has some"):
        _core.run_layer(**core_arguments(parameters=leak))
