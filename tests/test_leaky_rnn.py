"""The leaky network is the vanilla one with a leak, and says what is wrong with its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nullcline as nc
from testing.every_cell import random_network
from testing.gru_samples import seeds
from testing.search_checks import METHODS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def weights(size: int, reads: int, seed: int) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    w_hh = 1.5 * rng.normal(size=(size, size)) / size**0.5
    return rng.normal(size=(size, reads)), w_hh, rng.normal(size=size)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_without_a_leak_it_is_the_vanilla_network_to_the_last_bit(
    activation: str, dtype: Any
) -> None:
    u, w, b = (array.astype(dtype) for array in weights(30, 3, 0))
    leaky = nc.LeakyRNN(u, w, b, alpha=1, activation=activation)
    vanilla = nc.RNN(u, w, b, nonlinearity=activation)
    rng = np.random.default_rng(1)
    h, x = rng.uniform(-1, 1, (60, 30)).astype(dtype), rng.normal(size=(60, 3)).astype(dtype)
    np.testing.assert_array_equal(leaky.residual(h, x), vanilla.residual(h, x))
    np.testing.assert_array_equal(leaky.step(h, x), vanilla.step(h, x))
    np.testing.assert_array_equal(leaky.jacobian(h, x), vanilla.jacobian(h, x))
    ours, theirs = (nc.find_fixed_points(cell, h, x, method="krylov") for cell in (leaky, vanilla))
    fixed = theirs.kind == "fixed"
    np.testing.assert_array_equal(ours.kind == "fixed", fixed)
    np.testing.assert_array_equal(ours.h[fixed], theirs.h[fixed])


@given(st.integers(1, 8), st.floats(0.01, 0.99), seeds)
def test_a_constant_gate_is_a_leak(size: int, alpha: float, seed: int) -> None:
    u, w, b = weights(size, 2, seed)
    gate = np.full(size, np.log(1 / alpha - 1))  # 1 - σ(gate) = α
    zeros = np.zeros_like
    gated = nc.UGRNN(np.vstack([u, zeros(u)]), np.vstack([w, zeros(w)]), np.append(b, gate))
    leaky = nc.LeakyRNN(u, w, b, alpha=alpha)
    rng = np.random.default_rng(seed)
    h, x, v = rng.uniform(-1, 1, (5, size)), rng.normal(size=(5, 2)), rng.normal(size=(5, size))
    for found, right in (
        (leaky.step(h, x), gated.step(h, x)),
        (leaky.jacobian(h, x), gated.jacobian(h, x)),
        (leaky.input_jacobian(h, x), gated.input_jacobian(h, x)),
        (leaky.hvp(h, x, v, h), gated.hvp(h, x, v, h)),
        (leaky.residual(h, x), gated.residual(h, x)),
    ):
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_the_leak_moves_no_fixed_point_but_its_time_constants(method: str) -> None:
    u, w, b = weights(12, 2, 3)
    starts = np.random.default_rng(0).uniform(-1, 1, (40, 12))
    found = [
        nc.find_fixed_points(
            nc.LeakyRNN(u, w / 3, b, alpha=alpha), starts, method=method, tol_slow=1e-28
        )
        for alpha in (1.0, 0.5, 0.01)
    ]
    if method == "gradient":  # it stops by the speed, which has the leak's square
        np.testing.assert_allclose(found[1].h, found[0].h, rtol=0, atol=1e-4)
        return
    for points in found:
        assert set(points.kind) == {"fixed"}
        np.testing.assert_allclose(points.h, found[0].h, rtol=0, atol=1e-12)
    slow = nc.linearize(nc.LeakyRNN(u, w / 3, b, alpha=0.01), found[2].unique())
    fast = nc.linearize(nc.LeakyRNN(u, w / 3, b, alpha=1), found[0].unique())
    by_leak = 1 - 0.01 * (1 - fast.eigenvalues[0])
    np.testing.assert_allclose(
        np.sort_complex(slow.eigenvalues[0]), np.sort_complex(by_leak), rtol=1e-10
    )


def test_steps_of_time_know_time_constants_in_their_unit() -> None:
    u, w, b = weights(5, 1, 4)
    cell = nc.LeakyRNN(u, 0 * w, b, dt=5, tau=[10, 20, 50, 100, 500])
    np.testing.assert_allclose(cell.alpha, [0.5, 0.25, 0.1, 0.05, 0.01])
    modes = nc.linearize(cell, nc.find_fixed_points(cell, np.zeros((1, 5))))
    right = np.sort(-5 / np.log(1 - cell.alpha))[::-1]  # (1 − α)^(t/dt) falls by e
    np.testing.assert_allclose(modes.physical_time_constants[0], right)
    assert cell.dt == 5
    without = nc.linearize(nc.LeakyRNN(u, w, b, alpha=0.5), np.zeros((1, 5)))
    with pytest.raises(ValueError, match="make it with dt and tau"):
        _ = without.physical_time_constants


def test_excitatory_and_inhibitory_units_each_have_their_range() -> None:
    u, w, b = weights(4, 1, 5)
    names = ["relu", "tanh", "hard_tanh", "logistic"]
    cell = nc.LeakyRNN(u, w, b, alpha=0.2, activation=names)
    np.testing.assert_array_equal(cell.box.low, [0, -1, -1, 0])
    np.testing.assert_array_equal(cell.box.high, [np.inf, 1, 1, 1])
    assert cell.activation == tuple(names)
    assert not cell.is_smooth
    assert nc.LeakyRNN(u, w, b, alpha=0.2, activation=["softplus"] * 4).activation == "softplus"
    others = nc.LeakyRNN(u, w, b, alpha=0.2, activation=["sigmoid", "hardtanh", "linear", "tanh"])
    assert others.activation == ("logistic", "hard_tanh", "identity", "tanh")


def test_it_says_what_its_arguments_must_be() -> None:
    u, w, b = weights(4, 2, 0)
    with pytest.raises(TypeError, match="give the leak as alpha, or as dt and tau"):
        nc.LeakyRNN(u, w, b)
    with pytest.raises(TypeError, match="exactly one of the two"):
        nc.LeakyRNN(u, w, b, alpha=0.1, dt=1, tau=10)
    with pytest.raises(TypeError, match="exactly one of the two"):
        nc.LeakyRNN(u, w, b, tau=10)
    for alpha in (0, -0.1, 1.5, [0.5, 0.5, 0.5, 2]):
        with pytest.raises(ValueError, match=r"alpha must lie in \(0, 1\]"):
            nc.LeakyRNN(u, w, b, alpha=alpha)
    single = [array.astype(np.float32) for array in (u, w, b)]
    with pytest.raises(ValueError, match=r"alpha must lie in \(0, 1\]"):
        nc.LeakyRNN(*single, alpha=1e-50)  # zero in the cell's own precision
    with pytest.raises(ValueError, match="alpha must be finite"):
        nc.LeakyRNN(u, w, b, alpha=np.nan)
    with pytest.raises(ValueError, match=r"alpha must be a number or have shape \(4,\)"):
        nc.LeakyRNN(u, w, b, alpha=[0.1, 0.2])
    with pytest.raises(TypeError, match="alpha must be a number"):
        nc.LeakyRNN(u, w, b, alpha="half")
    with pytest.raises(ValueError, match="tau must be positive"):
        nc.LeakyRNN(u, w, b, dt=1, tau=0)
    with pytest.raises(ValueError, match="dt must be positive and at most tau"):
        nc.LeakyRNN(u, w, b, dt=2, tau=1)
    with pytest.raises(ValueError, match=r"activation must be one of tanh, relu, .* not 'sine'"):
        nc.LeakyRNN(u, w, b, alpha=0.1, activation="sine")
    for wrong in (3, None):
        with pytest.raises(TypeError, match="activation must be a name, or a list of 4"):
            nc.LeakyRNN(u, w, b, alpha=0.1, activation=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="alpha must be a number, or one per unit, not True"):
        nc.LeakyRNN(u, w, b, alpha=True)
    with pytest.raises(ValueError, match="activation must be one name or 4"):
        nc.LeakyRNN(u, w, b, alpha=0.1, activation=["tanh", "relu"])
    with pytest.raises(ValueError, match="weight_hh must have shape"):
        nc.LeakyRNN(u, w[:, :3], b, alpha=0.1)
    with pytest.raises(ValueError, match="weight_ih must have shape"):
        nc.LeakyRNN(u[:3], w, b, alpha=0.1)
    with pytest.raises(ValueError, match="bias must have shape"):
        nc.LeakyRNN(u, w, b[:3], alpha=0.1)
    with pytest.raises(ValueError, match="weight_hh must be factors of one rank"):
        nc.LeakyRNN(u, (w[:, :2], w[:, :1]), b, alpha=0.1)
    with pytest.raises(ValueError, match="weight_hh must be an array or a pair of factors"):
        nc.LeakyRNN(u, (w, w, w), b, alpha=0.1)
    with pytest.raises(ValueError, match="weight_hh must be an array or a pair of factors"):
        nc.LeakyRNN(u, (w,), b, alpha=0.1)
    with pytest.raises(ValueError, match=r"weight_hh\[1\] must be finite"):
        nc.LeakyRNN(u, (w, w * np.inf), b, alpha=0.1)
    with pytest.raises(TypeError, match="bias must be float64 or float32"):
        nc.LeakyRNN(u, w, b.astype(complex), alpha=0.1)
    assert repr(nc.LeakyRNN(u, w, alpha=0.1)) == (
        "LeakyRNN(input_size=2, hidden_size=4, dtype=float64)"
    )
    assert not random_network("leaky", 4, 2).cell().bias_hh.any()
