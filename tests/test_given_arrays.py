"""Whatever arrays a user gives: a public function takes them for what they are, or says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from testing.every_cell import random_network
from testing.gru_samples import seeds

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

H, D = 2, 3
GRU = random_network("gru", H, D, gain=0.5, seed=0).cell()
LSTM = random_network("lstm", H, D, gain=0.5, seed=1).cell()
STACK = nc.Stack([GRU, random_network("lstm", H, H, gain=0.5, seed=2).cell()])
FUNCTION = nc.from_function(lambda x, h: torch.tanh(0.5 * h + x[:, :H]), H, D)
RATE = random_network("rate", H, D, gain=0.5, seed=3).cell()
ORIGIN = nc.find_fixed_points(GRU, np.zeros((1, H)))
AT_ORIGIN = nc.linearize(GRU, ORIGIN)
EFFECTS = nc.word_effects(AT_ORIGIN, np.eye(D))


class Frame:
    """A table of another library, which NumPy can read."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.array(self.values, dtype)


def measured(path: Any, states: Any, inputs: Any = None, readout: Any = None) -> Any:
    found = nc.measure_line_attractor(GRU, path, states, inputs, readout, n_positions=3)
    return found.state_positions, found.tangent_to_readout, found.time_constants


def found(cell: Any, *given: Any, **options: Any) -> Any:
    points = nc.find_fixed_points(cell, *given, **options)
    return points.h, points.q, points.starts, points.inputs


def modes(cell: Any, *given: Any) -> Any:
    linear = nc.linearize(cell, *given)
    return linear.eigenvalues, linear.h, linear.inputs


def followed(*given: Any) -> Any:
    branch = nc.follow_input(GRU, *given, reach=0.1)
    return branch.h, branch.s


ZERO, NODES = np.zeros((1, H)), np.array([[-1, -1], [0, 0], [1, 1]])
STATES, INPUT = np.zeros((4, H)), np.zeros((4, D))

ARGUMENTS: dict[str, tuple[str, tuple[int, ...], Callable[[Any], Any]]] = {
    "step": ("h", (4, H), GRU.step),
    "step of a function": ("h", (4, H), FUNCTION.step),
    "step of a stack": ("h", (4, 3 * H), STACK.step),
    "inputs of a step": ("x", (4, D), lambda x: LSTM.step(np.zeros((4, 2 * H)), x)),
    "inputs of a function": ("x", (4, D), lambda x: FUNCTION.jacobian(STATES, x)),
    "one input": ("x", (D,), lambda x: GRU.jacobian(STATES, x)),
    "jvp": ("v", (4, H), lambda v: GRU.jvp(STATES, None, v)),
    "vjp of a function": ("u", (4, H), lambda u: FUNCTION.vjp(STATES, None, u)),
    "state_of": ("h", (4, H), LSTM.state_of),
    "largest_c": ("x", (4, D), LSTM.largest_c),
    "box_at": ("x", (D,), lambda x: RATE.box_at(x).low),
    "starts": ("starts", (4, H), lambda h: found(GRU, h)),
    "starts of a function": ("starts", (4, H), lambda h: found(FUNCTION, h)),
    "starts of a stack": ("starts", (4, 3 * H), lambda h: found(STACK, h)),
    "inputs": ("inputs", (4, D), lambda x: found(GRU, STATES, x)),
    "inputs of a condition": ("inputs['a']", (D,), lambda x: found(GRU, STATES, {"a": x})),
    "deflate": ("deflate", (1, H), lambda h: found(GRU, STATES, deflate=h, max_iterations=3)),
    "points": ("points", (4, 2 * H), lambda h: modes(LSTM, h)),
    "inputs of points": ("inputs", (4, D), lambda x: modes(GRU, STATES, x)),
    "traced point": ("point", (1, H), lambda h: nc.trace(GRU, h, max_points=5).points.h),
    "traced input": ("inputs", (D,), lambda x: nc.trace(GRU, ZERO, x, max_points=5).points.h),
    "followed point": ("point", (H,), lambda h: followed(h, np.ones(D))),
    "direction": ("direction", (D,), lambda d: followed(ORIGIN, d)),
    "followed input": ("inputs", (D,), lambda x: followed(ZERO, np.ones(D), x)),
    "states": ("states", (4, H), lambda h: nc.predict_next_states(AT_ORIGIN, h).predicted),
    "inputs of states": (
        "inputs",
        (4, D),
        lambda x: nc.predict_next_states(AT_ORIGIN, STATES, x).actual,
    ),
    "sequence": ("inputs[0]", (4, D), lambda x: nc.predict_sequences(AT_ORIGIN, [x]).actual),
    "first state": ("starts", (H,), lambda h: nc.predict_sequences(AT_ORIGIN, [INPUT], h).actual),
    "embeddings": ("embeddings", (4, D), lambda x: nc.word_effects(AT_ORIGIN, x).projections),
    "readout": ("readout", (H,), lambda w: nc.word_effects(AT_ORIGIN, INPUT, w).steady),
    "impulse": ("embeddings", (4, D), lambda x: nc.impulse_response(AT_ORIGIN, x, np.ones(H), 2)),
    "weights of words": ("weights", (D,), lambda w: EFFECTS.rank_correlations(w)["mode 1"].rho),
    "path": ("path", (3, H), lambda h: measured(h, np.array([[0.1, 0], [0, 0.2]]))),
    "visited": ("states", (4, H), lambda h: measured(NODES * 9.0, h)),
    "readout of a path": (
        "readout",
        (H,),
        lambda w: measured(NODES * 1.0, np.array([[0.1, 0], [0, 0.2]]), None, w),
    ),
    "dimensions": ("states", (4, H), nc.participation_ratio),
    "variances": ("variances", (4,), nc.participation_ratio_of_variances),
    "weight_ih": ("weight_ih", (3 * H, D), lambda w: nc.GRU(w, np.ones((3 * H, H))).weight_ih),
    "weight_hh": ("weight_hh", (3 * H, H), lambda w: nc.GRU(np.ones((3 * H, D)), w).weight_hh),
    "bias": ("bias", (H,), lambda b: nc.LeakyRNN(np.ones((H, D)), np.eye(H), b, alpha=1).bias),
}
"""Every argument that is an array: its name, its shape, and what comes of it."""


def whole_numbers(argument: str, seed: int) -> NDArray[np.int64]:
    """Return small integers, not all alike, of an argument's shape."""
    shape = ARGUMENTS[argument][1]
    whole = np.random.default_rng(seed).integers(-2, 3, shape)
    whole.flat[0], whole.flat[-1] = 2, -1
    return np.abs(whole) if argument == "variances" else whole


def flat(result: Any) -> NDArray[np.complex128]:
    """Return all numbers of a result."""
    if isinstance(result, tuple):
        return np.concatenate([flat(part) for part in result if part is not None])
    return np.asarray(result, np.complex128).ravel()


def inference_tensor(whole: NDArray[np.int64]) -> torch.Tensor:
    with torch.inference_mode():
        return torch.from_numpy(whole).double()


def read_only(whole: NDArray[np.int64]) -> NDArray[np.float64]:
    array = whole.astype(float)
    array.flags.writeable = False
    return array


TAKEN: dict[str, Callable[[NDArray[np.int64]], Any]] = {
    "integers": np.copy,
    "bytes": lambda a: a.astype(np.int8),
    "swapped integers": lambda a: a.astype(">i4"),
    "a list of integers": lambda a: a.tolist(),
    "a list of numbers": lambda a: a.astype(float).tolist(),
    "float32": lambda a: a.astype(np.float32),
    "Fortran's order": lambda a: np.asfortranarray(a.astype(float)),
    "reversed": lambda a: a.astype(float)[::-1].copy()[::-1],
    "swapped": lambda a: a.astype(">f8"),
    "read-only": read_only,
    "masked nowhere": lambda a: np.ma.masked_array(a.astype(float)),
    "a frame": Frame,
    "a tensor": lambda a: torch.from_numpy(a).double(),
    "a float32 tensor": lambda a: torch.from_numpy(a).float(),
    "an integer tensor": torch.from_numpy,
    "a tensor with gradient": lambda a: torch.from_numpy(a).double().requires_grad_(),
    "an inference tensor": inference_tensor,
}


@pytest.mark.parametrize("argument", ARGUMENTS)
@settings(max_examples=2)
@given(seed=seeds)
def test_numbers_count_however_they_are_held(argument: str, seed: int) -> None:
    call, whole = ARGUMENTS[argument][2], whole_numbers(argument, seed)
    right = flat(call(whole.astype(np.float64)))
    for kind, held in TAKEN.items():
        np.testing.assert_allclose(
            flat(call(held(whole))), right, rtol=1e-9, atol=1e-9, err_msg=kind
        )


def with_first(value: Any) -> Callable[[NDArray[np.int64]], Any]:
    """Return what puts a value in place of the first number."""

    def change(whole: NDArray[np.int64]) -> Any:
        changed = whole.astype(np.asarray(value).dtype)
        changed.flat[0] = value
        return changed

    return change


REFUSED: dict[str, Callable[[NDArray[np.int64]], Any]] = {
    "NaN": with_first(np.nan),
    "infinity": with_first(-np.inf),
    "an integer of too many digits": with_first(2**60 + 1),
    "booleans": lambda a: a > 0,
    "a list of booleans": lambda a: (a > 0).tolist(),
    "complex": lambda a: a + 0j,
    "objects": lambda a: a.astype(object),
    "strings": lambda a: a.astype(str),
    "dates": lambda a: a.astype("M8[s]"),
    "half": lambda a: a.astype(np.float16),
    "masked": lambda a: np.ma.masked_equal(a, a.flat[0]),
    "ragged": lambda _: [[1.0, 2.0], [1.0]],
    "a number": lambda _: 1.0,
    "a string": lambda _: "left",
    "a set": lambda _: {1.0},
    "two dimensions more": lambda a: np.broadcast_to(a, (2, 2, *a.shape)),
    "a bfloat16 tensor": lambda a: torch.from_numpy(a).bfloat16(),
    "a complex tensor": lambda a: torch.from_numpy(a) + 0j,
    "a tensor of booleans": lambda a: torch.from_numpy(a) > 0,
    "a sparse tensor": lambda a: torch.from_numpy(a).double().to_sparse(),
    "a tensor without values": lambda a: torch.from_numpy(a).to("meta"),
}


@pytest.mark.parametrize("argument", ARGUMENTS)
def test_what_holds_no_numbers_is_refused_by_name(argument: str) -> None:
    name, _, call = ARGUMENTS[argument]
    for kind, change in REFUSED.items():
        with pytest.raises((TypeError, ValueError)) as raised:
            call(change(whole_numbers(argument, 0)))
        assert str(raised.value).startswith(name), kind


@pytest.mark.parametrize(
    "argument", ["step", "state_of", "starts", "starts of a function", "states"]
)
def test_no_rows_are_no_results(argument: str) -> None:
    assert flat(ARGUMENTS[argument][2](np.zeros((0, H)))).size == 0


# States of other layouts

ONE_LAYER = torch.nn.LSTM(D, H, batch_first=True).double()
HIDDEN = {"h", "starts", "points", "point", "states"}


def calls_with_states(cell: Any) -> dict[str, Callable[[Any], Any]]:
    """Return functions that take the states of a cell, by the name that they have for them."""
    points = nc.linearize(cell, np.zeros((1, cell.state_size)))
    return {
        "h": cell.step,
        "starts": lambda h: nc.find_fixed_points(cell, h),
        "points": lambda h: nc.linearize(cell, h),
        "point": lambda h: nc.trace(cell, h),
        "states": lambda h: nc.predict_next_states(points, h),
    }


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_states_as_pytorch_returns_them_are_refused_with_the_mend(name: str) -> None:
    with torch.no_grad():
        outputs, (h_n, c_n) = ONE_LAYER(torch.zeros(4, 5, D, dtype=torch.float64))
    (cell,) = nc.from_torch(ONE_LAYER)
    call = calls_with_states(cell)[name]
    right = torch.cat([h_n[0], c_n[0]], dim=1)
    call(right)
    cases: dict[str, Any] = {
        r"\[h, c\] of width 2H, numpy.concatenate\(\[h, c\], axis=1\)": h_n[0],
        r"not 2 of them: an LSTM's \(h, c\) are one state \[h, c\]": (h_n, c_n),
        rf"pass {name}\[0\]": right[None],
        rf"pass {name}.reshape\(-1, 4\)": torch.stack([right, right]),
        rf"pass concatenate\({name}, axis=1\)": torch.cat([h_n, c_n]),
        r"not \(4, 5, 2\)": outputs,
    }
    for message, states in cases.items():
        with pytest.raises(ValueError, match=f"{name} must .*{message}"):
            call(states)
    call(cell.state_of(h_n[0]))


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_h_n_of_one_layer_is_refused_with_the_mend(name: str) -> None:
    _, h_n = torch.nn.GRU(D, H).double()(torch.zeros(5, 4, D, dtype=torch.float64))
    call = calls_with_states(GRU)[name]
    with pytest.raises(ValueError, match=rf"{name} must have shape .*pass {name}\[0\]"):
        call(h_n)
    call(h_n[0])


def test_first_states_of_sequences_have_their_layout() -> None:
    points = nc.linearize(LSTM, np.zeros((1, 2 * H)))
    with pytest.raises(ValueError, match=r"starts must .*state \[h, c\] of width 2H"):
        nc.predict_sequences(points, [INPUT] * 3, np.zeros((3, H)))
    with pytest.raises(ValueError, match=r"starts must have shape \(4,\) or \(3, 4\)"):
        nc.predict_sequences(points, [INPUT] * 3, np.zeros((2, 2 * H)))
    for inputs in (INPUT, None):
        with pytest.raises(ValueError, match=r"for one pass \[inputs\]"):
            nc.predict_sequences(points, inputs)  # type: ignore[arg-type]


# Weights


@settings(max_examples=10)
@given(seeds, st.sampled_from([np.float32, np.float64]))
def test_integer_weights_take_the_type_of_the_others(seed: int, dtype: Any) -> None:
    rng = np.random.default_rng(seed)
    w_in, w, b = rng.normal(size=(6, D)), rng.normal(size=(6, H)), rng.integers(-2, 3, 6)
    cell = nc.GRU(w_in.astype(dtype), w.astype(dtype), b, b.tolist())
    right = nc.GRU(w_in.astype(dtype), w.astype(dtype), b.astype(dtype), b.astype(dtype))
    assert cell.dtype == dtype
    h = rng.integers(-1, 2, (3, H))
    np.testing.assert_array_equal(cell.step(h), right.step(h.astype(dtype)))
    assert nc.GRU(np.ones((6, D), int), np.ones((6, H), int)).dtype == np.float64
    leaky = nc.LeakyRNN(np.ones((H, D), int), w[:H].astype(dtype), [1, 2], alpha=1)
    assert leaky.dtype == dtype
    for name in ("weight_ih", "weight_hh"):
        with pytest.raises(TypeError, match=f"{name} must be float64 or float32"):
            nc.GRU(**{"weight_ih": w_in, "weight_hh": w, name: None})  # type: ignore[arg-type]


@pytest.mark.parametrize(("dtype", "most"), [(np.float32, 2**24), (np.float64, 2**53)])
def test_integers_are_taken_exactly_or_not_at_all(dtype: Any, most: int) -> None:
    cell = nc.RNN(np.ones((1, 1), dtype), np.ones((1, 1), dtype), nonlinearity="relu")
    for value in (most, most - 1, -most):
        np.testing.assert_array_equal(cell.step([[0]], [value]), [[max(value, 0)]])
    for value in (most + 1, -most - 1, np.iinfo(np.int64).min):
        with pytest.raises(ValueError, match=f"x must hold numbers that {dtype.__name__} holds"):
            cell.step([[0]], [value])
    with pytest.raises(ValueError, match="x must hold numbers"):
        cell.step([[0]], np.array([2**64 - 1], np.uint64))
