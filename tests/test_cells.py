"""Cells agree with the textbook, with PyTorch and with autograd, and refuse bad input clearly."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.cells import Cell
from testing.gru_samples import LAYOUTS, cell_of, layouts, random_gru, seeds
from testing.reference import ReferenceGRU

if TYPE_CHECKING:
    from numpy.typing import NDArray

H, D = 5, 3
GRU = random_gru(H, D)
CELL = cell_of(GRU)
SINGLE = cell_of(GRU, np.float32)
STATES = np.random.default_rng(1).uniform(-1, 1, (4, H))
INPUTS = np.random.default_rng(2).normal(size=(4, D))

TOLERANCE = {np.float64: 1e-12, np.float32: 1e-4}
PRIMITIVES = ("step", "residual", "speed", "jacobian", "residual_jacobian", "input_jacobian")
REFERENCE_NAMES = {"residual": "reduced", "residual_jacobian": "reduced_jacobian"}


def torch_cell(gru: ReferenceGRU) -> torch.nn.GRUCell:
    cell = torch.nn.GRUCell(gru.weight_ih.shape[1], gru.size).double()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, name).data = torch.from_numpy(getattr(gru, name))
    return cell


@st.composite
def problems(draw: st.DrawFn) -> tuple[ReferenceGRU, NDArray[np.float64], NDArray[np.float64]]:
    """Draw a network, states in and around the cube, and an input for each."""
    size, input_size, n = draw(st.integers(1, 9)), draw(st.integers(1, 6)), draw(st.integers(0, 70))
    gru = random_gru(size, input_size, draw(st.sampled_from([0.1, 1.0, 4.0])), draw(seeds))
    rng = np.random.default_rng(draw(seeds))
    return gru, rng.uniform(-1.5, 1.5, (n, size)), rng.normal(size=(n, input_size))


def expected(gru: ReferenceGRU, name: str, h: Any, x: Any) -> NDArray[np.float64]:
    shape: dict[str, tuple[int, ...]] = {
        "speed": (),
        "jacobian": (gru.size, gru.size),
        "reduced_jacobian": (gru.size, gru.size),
        "input_jacobian": (gru.size, gru.weight_ih.shape[1]),
    }
    found = [getattr(gru, name)(state, input_) for state, input_ in zip(h, x, strict=True)]
    return np.array(found).reshape(len(h), *shape.get(name, (gru.size,)))


@given(problems(), st.sampled_from([np.float64, np.float32]), layouts, layouts)
def test_agrees_with_the_textbook(
    problem: tuple[ReferenceGRU, NDArray[np.float64], NDArray[np.float64]],
    dtype: type[np.float64 | np.float32],
    layout_h: str,
    layout_x: str,
) -> None:
    gru, h, x = problem
    gru = ReferenceGRU(*(w.astype(dtype).astype(np.float64) for w in vars(gru).values()))
    cell = cell_of(gru, dtype)
    h, x = LAYOUTS[layout_h](h.astype(dtype)), LAYOUTS[layout_x](x.astype(dtype))
    for name in PRIMITIVES:
        found = getattr(cell, name)(h, x)
        assert found.dtype == dtype
        right = expected(gru, REFERENCE_NAMES.get(name, name), h, x)
        np.testing.assert_allclose(found, right, rtol=0, atol=TOLERANCE[dtype])


def reduced_input_jacobian(gru: ReferenceGRU, h: Any, x: Any) -> NDArray[np.float64]:
    """Return ∂n/∂x at every state, by autograd."""
    v_r, _, v_n = torch.from_numpy(gru.weight_ih).chunk(3)
    w_r, _, w_n = torch.from_numpy(gru.weight_hh).chunk(3)
    b_r, _, b_n = torch.from_numpy(gru.bias_ih).chunk(3)
    c_r, _, c_n = torch.from_numpy(gru.bias_hh).chunk(3)

    def candidate(state: torch.Tensor, input_: torch.Tensor) -> torch.Tensor:
        reset = torch.sigmoid(v_r @ input_ + b_r + w_r @ state + c_r)
        return torch.tanh(v_n @ input_ + b_n + reset * (w_n @ state + c_n))

    found = np.empty((len(h), gru.size, x.shape[1]))
    for i in range(len(h)):
        state = torch.from_numpy(h[i])
        found[i] = torch.autograd.functional.jacobian(  # type: ignore[no-untyped-call]
            partial(candidate, state), torch.from_numpy(x[i])
        )
    return found


def weighted_step(
    cell: torch.nn.GRUCell, u: torch.Tensor, x: torch.Tensor, h: torch.Tensor
) -> torch.Tensor:
    return torch.dot(u, cell(x, h))


@settings(max_examples=25)
@given(problems(), seeds)
def test_autograd_agrees_with_every_derivative(
    problem: tuple[ReferenceGRU, NDArray[np.float64], NDArray[np.float64]], seed: int
) -> None:
    gru, h, x = problem[0], problem[1][:5], problem[2][:5]
    cell, rival = cell_of(gru), torch_cell(gru)
    rng = np.random.default_rng(seed)
    v, u = rng.normal(size=h.shape), rng.normal(size=h.shape)
    w = rng.normal(size=x.shape)
    j_rec, j_inp = np.empty((len(h), gru.size, gru.size)), np.empty((*h.shape, x.shape[1]))
    bend = np.empty_like(h)
    for i in range(len(h)):
        j_rec[i], j_inp[i] = torch.autograd.functional.jacobian(  # type: ignore[no-untyped-call]
            lambda state, input_: rival(input_, state),
            (torch.from_numpy(h[i]), torch.from_numpy(x[i])),
        )
        bend[i] = torch.autograd.functional.hvp(  # type: ignore[no-untyped-call]
            partial(weighted_step, rival, torch.from_numpy(u[i]), torch.from_numpy(x[i])),
            torch.from_numpy(h[i]),
            torch.from_numpy(v[i]),
        )[1]
    for found, right in (
        (cell.jacobian(h, x), j_rec),
        (cell.hvp(h, x, u, v), bend),
        (cell.input_jacobian(h, x), j_inp),
        (cell.jvp(h, x, v), np.einsum("nij,nj->ni", j_rec, v)),
        (cell.vjp(h, x, u), np.einsum("ni,nij->nj", u, j_rec)),
        (cell.input_jvp(h, x, w), np.einsum("nij,nj->ni", j_inp, w)),
        (cell.input_vjp(h, x, u), np.einsum("ni,nij->nj", u, j_inp)),
        (
            cell.residual_input_jvp(h, x, w),
            (reduced_input_jacobian(gru, h, x) @ w[..., None])[..., 0],
        ),
    ):
        assert found.shape == right.shape
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-10)


@pytest.mark.parametrize("size", [1, 7, 256])
def test_steps_as_torch_does(size: int) -> None:
    torch.manual_seed(size)
    rnn = torch.nn.GRU(4, size, batch_first=True).double()
    sequence = torch.randn(3, 6, 4, dtype=torch.float64)
    cell = nc.from_torch(rnn)[0]
    h: Any = np.zeros((3, size))
    with torch.no_grad():
        path, _ = rnn(sequence)
    for t in range(6):
        h = cell.step(h, sequence[:, t])
        np.testing.assert_allclose(h, path[:, t].numpy(), rtol=0, atol=1e-14)


def test_no_input_is_zero_input() -> None:
    zeros = np.zeros((4, D))
    for name in PRIMITIVES:
        method = getattr(CELL, name)
        np.testing.assert_allclose(method(STATES), method(STATES, zeros), rtol=0, atol=1e-15)


@pytest.mark.parametrize("shape", [(D,), (1, D)])
def test_one_input_serves_all_states(shape: tuple[int, ...]) -> None:
    shared = CELL.step(STATES, INPUTS[0].reshape(shape))
    each = CELL.step(STATES, np.tile(INPUTS[0], (4, 1)))
    np.testing.assert_allclose(shared, each, rtol=0, atol=1e-15)


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 200])
def test_any_number_of_states_is_stepped(n: int) -> None:
    h = np.random.default_rng(n).uniform(-1, 1, (n, H))
    np.testing.assert_allclose(CELL.step(h), expected(GRU, "step", h, np.zeros((n, D))), atol=1e-13)
    assert CELL.jacobian(h, INPUTS[:1]).shape == (n, H, H)
    assert CELL.input_jacobian(h).shape == (n, H, D)
    assert CELL.speed(h).shape == (n,)


def test_saturated_gates_stay_finite() -> None:
    huge = cell_of(ReferenceGRU(*(1e6 * array for array in vars(GRU).values())))
    for result in (huge.step(STATES), huge.residual(STATES), huge.jacobian(STATES)):
        assert np.isfinite(result).all()
    assert (np.abs(huge.step(STATES)) <= 1).all()


def test_a_gru_is_a_cell_and_says_what_it_is() -> None:
    assert isinstance(CELL, Cell)
    assert (CELL.hidden_size, CELL.input_size, CELL.dtype) == (H, D, np.dtype(np.float64))
    assert repr(SINGLE) == "GRU(input_size=3, hidden_size=5, dtype=float32)"


def test_missing_biases_are_zeros() -> None:
    bare = nc.GRU(GRU.weight_ih, GRU.weight_hh)
    zeros = nc.GRU(GRU.weight_ih, GRU.weight_hh, np.zeros(3 * H), np.zeros(3 * H))
    np.testing.assert_array_equal(bare.step(STATES), zeros.step(STATES))


def test_weights_are_copied() -> None:
    weight_hh = GRU.weight_hh.copy()
    cell = nc.GRU(GRU.weight_ih, weight_hh, GRU.bias_ih, GRU.bias_hh)
    before = cell.step(STATES)
    weight_hh[:] = 0
    np.testing.assert_array_equal(cell.step(STATES), before)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_of_weights_does_not_matter(layout: str) -> None:
    cell = nc.GRU(*(LAYOUTS[layout](array) for array in vars(GRU).values()))
    np.testing.assert_array_equal(cell.jacobian(STATES, INPUTS), CELL.jacobian(STATES, INPUTS))


def test_mixed_types_are_promoted_exactly() -> None:
    weight_ih = GRU.weight_ih.astype(np.float32)
    mixed = nc.GRU(weight_ih, GRU.weight_hh, GRU.bias_ih, GRU.bias_hh)
    promoted = nc.GRU(weight_ih.astype(float), GRU.weight_hh, GRU.bias_ih, GRU.bias_hh)
    assert mixed.dtype == np.float64
    np.testing.assert_array_equal(mixed.step(STATES, INPUTS), promoted.step(STATES, INPUTS))
    single = STATES.astype(np.float32)
    np.testing.assert_array_equal(CELL.step(single), CELL.step(single.astype(float)))


def test_tensors_are_read_without_a_copy() -> None:
    states = torch.tensor(STATES, requires_grad=True)
    np.testing.assert_array_equal(CELL.step(states), CELL.step(STATES))
    np.testing.assert_array_equal(CELL.step(states.T.contiguous().T), CELL.step(STATES))
    from nullcline._support import validation

    assert np.shares_memory(validation.floats("h", states), states.detach().numpy())


def test_nested_lists_are_arrays_too() -> None:
    np.testing.assert_array_equal(CELL.step(STATES.tolist()), CELL.step(STATES))


BAD_STATES: dict[str, tuple[Any, type[Exception], str]] = {
    "one state": (STATES[0], ValueError, r"h must have shape \(n, 5\).*h\[None\]"),
    "wrong width": (STATES[:, :4], ValueError, r"h must have shape \(n, 5\), not \(4, 4\)"),
    "three dimensions": (STATES[None], ValueError, r"not \(1, 4, 5\)"),
    "a number": (0.5, ValueError, r"h must have shape"),
    "bytes": (
        np.zeros((4, H), "S1"),
        TypeError,
        r"h must be .* not \|S1.*astype\(numpy.float64",
    ),
    "half": (STATES.astype(np.float16), TypeError, r"not float16.*h.astype\(numpy.float64\)"),
    "long double": (STATES.astype(np.longdouble), TypeError, "h must be float64 or float32"),
    "complex": (STATES.astype(complex), TypeError, "not complex128"),
    "booleans": (STATES > 0, TypeError, "not bool"),
    "strings": (STATES.astype(str), TypeError, "h must be"),
    "None": (None, TypeError, "h must be .* NoneType"),
    "ragged": ([[0.0] * H, [0.0]], TypeError, "h cannot be read"),
    "NaN": (np.where(np.arange(H) == 2, np.nan, STATES), ValueError, r"4 of its 20.*\[0, 2\]"),
    "infinity": (np.where(np.arange(H) == 2, -np.inf, STATES), ValueError, "h must be finite"),
    "masked": (np.ma.masked_less(STATES, 0), ValueError, "h has masked entries"),
    "words": (["a"] * H, TypeError, r"h must be float64 or float32, not <U1; pass an array of"),
    "a module": (torch.nn.Linear(H, H), TypeError, r"not an array of Linear; pass an array of"),
    "half tensor": (torch.zeros(4, H).half(), TypeError, r"not torch.float16; pass h.double"),
    "tensor of booleans": (torch.zeros(4, H) > 0, TypeError, "not torch.bool; pass"),
    "meta tensor": (torch.zeros(4, H, device="meta"), ValueError, "meta device"),
    "sparse tensor": (torch.zeros(4, H).to_sparse(), TypeError, "h cannot be read"),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_bad_states_are_refused(case: str) -> None:
    value, error, message = BAD_STATES[case]
    with pytest.raises(error, match=message):
        CELL.step(value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_states_on_a_gpu_step_as_those_on_the_host() -> None:
    found = CELL.step(torch.from_numpy(STATES).cuda())
    np.testing.assert_array_equal(found, CELL.step(STATES))


def test_a_single_precision_cell_refuses_double() -> None:
    with pytest.raises(TypeError, match=r"h is float64 and the cell float32.*numpy.float32"):
        SINGLE.step(STATES)
    with pytest.raises(TypeError, match=r"h.to\(torch.float32\)"):
        SINGLE.step(torch.from_numpy(STATES))


@pytest.mark.parametrize("shape", [(), (D + 1,), (2, D), (4, D + 1), (1, 4, D)])
def test_inputs_of_wrong_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"x must be None or have shape \(3,\), \(1, 3\) or"):
        CELL.step(STATES, np.zeros(shape))


def test_vectors_of_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="v must have a row for each state"):
        CELL.jvp(STATES, None, STATES[:2])
    with pytest.raises(ValueError, match=r"u must have shape \(n, 5\)"):
        CELL.vjp(STATES, None, INPUTS)
    with pytest.raises(ValueError, match=r"v must have shape \(n, 3\)"):
        CELL.input_jvp(STATES, None, STATES)
    with pytest.raises(ValueError, match="u must be finite"):
        CELL.input_vjp(STATES, None, STATES * np.nan)


BAD_WEIGHTS: dict[str, tuple[str, Any, type[Exception], str]] = {
    "no units": ("weight_hh", np.zeros((0, 0)), ValueError, r"\(3H, H\) with H >= 1"),
    "not three gates": ("weight_hh", np.zeros((4 * H, H)), ValueError, "weight_hh must have shape"),
    "flat": ("weight_hh", np.zeros(3 * H), ValueError, "weight_hh must have shape"),
    "other size": ("weight_ih", np.zeros((3 * H + 3, D)), ValueError, r"shape \(15, D\)"),
    "no input": ("weight_ih", np.zeros((3 * H, 0)), ValueError, "D >= 1.*column of zeros"),
    "short bias": ("bias_ih", np.zeros(H), ValueError, r"bias_ih must have shape \(15,\)"),
    "bias in a row": ("bias_hh", np.zeros((1, 3 * H)), ValueError, "bias_hh must have shape"),
    "booleans": ("weight_ih", np.ones((3 * H, D), bool), TypeError, "weight_ih must be"),
    "half weights": ("weight_hh", np.ones((3 * H, H), np.float16), TypeError, "not float16"),
    "NaN": ("weight_hh", np.full((3 * H, H), np.nan), ValueError, "weight_hh must be finite"),
    "infinity": ("bias_ih", np.full(3 * H, np.inf), ValueError, "bias_ih must be finite"),
}


@pytest.mark.parametrize("case", BAD_WEIGHTS)
def test_bad_weights_are_refused(case: str) -> None:
    name, value, error, message = BAD_WEIGHTS[case]
    with pytest.raises(error, match=message):
        nc.GRU(**{**vars(GRU), name: value})
