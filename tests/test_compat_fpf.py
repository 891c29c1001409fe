"""FixedPointFinder's classes answer in its units, with the numbers that autograd gives."""

from __future__ import annotations

import itertools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from nullcline.compat.fpf import FixedPointFinderTorch, FixedPoints, MeaninglessArgumentWarning
from testing.gru_samples import independent_units, random_gru, seeds

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from testing.reference import ReferenceGRU


nn: Any = torch.nn


def module_of(gru: ReferenceGRU) -> torch.nn.GRU:
    """Return the same network as PyTorch's module, in float64."""
    module = torch.nn.GRU(gru.weight_ih.shape[1], gru.weight_hh.shape[1], batch_first=True).double()
    with torch.no_grad():
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(module, f"{name}_l0").copy_(torch.as_tensor(getattr(gru, name)))
    return module


def finder(rnn: torch.nn.Module, **options: Any) -> FixedPointFinderTorch:
    return FixedPointFinderTorch(rnn, **{"verbose": False, "dtype": "float64", **options})


def step(rnn: torch.nn.Module, state: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Return the next of one state, by the module itself; [h, c] of an LSTM."""
    if isinstance(rnn, torch.nn.LSTM):
        h, c = rnn(x[None, None], tuple(part[None, None] for part in state.chunk(2)))[1]
        return torch.cat([h[0, 0], c[0, 0]])
    after: torch.Tensor = rnn(x[None, None], state[None, None])[1][0, 0]
    return after


def random_case(seed: int, n: int = 12) -> tuple[torch.nn.GRU, NDArray[Any], NDArray[Any]]:
    """Return a network with several fixed points, states and an input for each."""
    rng = np.random.default_rng(seed)
    return module_of(random_gru(5, 2, 2.0, seed)), rng.normal(size=(n, 5)), rng.normal(size=(n, 2))


# The search


def test_all_points_of_a_known_network_are_found() -> None:
    """Two units with three rests each: nine points, the four of outer rests stable."""
    rnn = module_of(independent_units(np.array([2.0, 3.0]), np.zeros(2)))
    grid = np.array(list(itertools.product([-0.9, 0.0, 0.9], repeat=2)))
    unique, ends = finder(rnn).find_fixed_points(np.repeat(grid, 2, axis=0), np.zeros((1, 1)))
    assert (unique.n, ends.n) == (9, 18)
    assert unique.is_stable.tolist() == (np.abs(grid) > 0).all(axis=1).tolist()
    assert set(unique.kind.tolist()) == {"fixed"}
    np.testing.assert_array_equal(np.sign(np.round(unique.xstar, 6)), np.sign(grid))


def check_numbers(rnn: torch.nn.Module, states: NDArray[Any], inputs: NDArray[Any]) -> None:
    """Compare all columns of a search, cut short, with autograd's of the module."""
    unique, ends = finder(rnn, max_iters=3).find_fixed_points(states, inputs)
    for fps in (unique, ends):
        for i in range(fps.n):
            x = torch.as_tensor(fps.inputs[i])
            h = torch.as_tensor(fps.xstar[i]).requires_grad_()

            def q(state: torch.Tensor, x: torch.Tensor = x) -> torch.Tensor:
                return 0.5 * torch.sum((state - step(rnn, state, x)) ** 2)

            speed = q(h)
            (slope,) = torch.autograd.grad(speed, h)
            np.testing.assert_allclose(fps.F_xstar[i], step(rnn, h, x).detach(), atol=1e-13)
            root = float(speed.sqrt().detach())
            np.testing.assert_allclose(np.sqrt(fps.qstar[i]), root, rtol=1e-9, atol=1e-14)
            gain = abs(float((q(h - slope) - speed).detach()))
            np.testing.assert_allclose(fps.dq[i], gain, rtol=1e-6, atol=1e-16)
    assert unique.n > 0
    for i in range(unique.n):
        h, x = torch.as_tensor(unique.xstar[i]), torch.as_tensor(unique.inputs[i])
        by_h, by_x = torch.func.jacrev(lambda a, b: step(rnn, a, b), argnums=(0, 1))(h, x)
        np.testing.assert_allclose(unique.J_xstar[i], by_h.detach(), atol=1e-12)
        np.testing.assert_allclose(unique.dFdu[i], by_x.detach(), atol=1e-12)


@settings(max_examples=6)
@given(seeds)
def test_every_number_is_what_autograd_gives(seed: int) -> None:
    check_numbers(*random_case(seed, n=6))


@pytest.mark.parametrize("kind", ["tanh", "relu", "LSTM"])
def test_every_number_of_rnns_and_lstms_is_what_autograd_gives(kind: str) -> None:
    torch.manual_seed(0)
    rnn = (
        torch.nn.LSTM(2, 4) if kind == "LSTM" else torch.nn.RNN(2, 4, nonlinearity=kind)
    ).double()
    rng = np.random.default_rng(0)
    size = 8 if kind == "LSTM" else 4
    check_numbers(rnn, rng.normal(size=(6, size)), rng.normal(size=(6, 2)))


class Wrapper(torch.nn.Module):
    """A module that is no GRU, and answers like one."""

    weight_ih: torch.nn.Parameter
    weight_hh: torch.nn.Parameter
    bias_ih: torch.nn.Parameter
    bias_hh: torch.nn.Parameter

    def __init__(self, gru: ReferenceGRU, *, batch_first: bool) -> None:
        super().__init__()
        self.batch_first = batch_first
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            self.register_parameter(name, torch.nn.Parameter(torch.as_tensor(getattr(gru, name))))

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = x.squeeze(1 if self.batch_first else 0)
        by_x = x @ self.weight_ih.T + self.bias_ih
        by_h = h[0] @ self.weight_hh.T + self.bias_hh
        (rx, zx, nx), (rh, zh, nh) = by_x.chunk(3, -1), by_h.chunk(3, -1)
        z, n = torch.sigmoid(zx + zh), torch.tanh(nx + torch.sigmoid(rx + rh) * nh)
        after = (1 - z) * n + z * h[0]
        return after.unsqueeze(1 if self.batch_first else 0), after[None]


@pytest.mark.parametrize("batch_first", [False, True])
def test_a_module_that_answers_like_a_gru_has_its_points(batch_first: bool) -> None:
    gru = random_gru(3, 2, 2.0, 1)
    states, inputs = np.random.default_rng(0).uniform(-0.5, 0.5, (8, 3)), np.zeros((1, 2))
    found, _ = finder(Wrapper(gru, batch_first=batch_first)).find_fixed_points(states, inputs)
    expected, _ = finder(module_of(gru)).find_fixed_points(states, inputs)
    fixed = found[found.kind == "fixed"]
    assert fixed.n == (expected.kind == "fixed").sum() > 0
    for i in range(fixed.n):
        (j,) = expected.find(fixed[i])
        np.testing.assert_allclose(fixed.J_xstar[i], expected.J_xstar[j], atol=1e-6)
        np.testing.assert_allclose(fixed.dFdu[i], expected.dFdu[j], atol=1e-6)


class HalfStepRNN(nn.RNN):  # type: ignore[misc]
    def forward(self, x: Any, h: Any) -> Any:
        after = (h + super().forward(x, h)[1]) / 2
        return after, after


class HalfStepCell(nn.GRUCell):  # type: ignore[misc]
    def forward(self, x: Any, h: Any) -> Any:
        return (h + super().forward(x, h)) / 2


class HalfStepLSTM(nn.LSTMCell):  # type: ignore[misc]
    def forward(self, x: Any, state: Any) -> Any:
        return tuple(
            (s + after) / 2 for s, after in zip(state, super().forward(x, state), strict=True)
        )


@pytest.mark.parametrize(
    ("derived", "parent"),
    [(HalfStepRNN, nn.RNN), (HalfStepCell, nn.GRUCell), (HalfStepLSTM, nn.LSTMCell)],
)
def test_a_derived_class_is_searched_by_its_own_step(derived: Any, parent: Any) -> None:
    """Half a step has the same points, and of a Jacobian J it has (I + J) / 2."""
    torch.manual_seed(0)
    rnn = derived(2, 3).double()
    ordinary = parent(2, 3).double()
    ordinary.load_state_dict(rnn.state_dict())
    size = 6 if parent is nn.LSTMCell else 3
    states, inputs = np.random.default_rng(0).uniform(-0.5, 0.5, (4, size)), np.ones((1, 2))
    options: Any = {"tol_unique": 1e-4, "dtype": "float64"}
    found, _ = finder(rnn, **options).find_fixed_points(states, inputs)
    expected, _ = finder(ordinary, **options).find_fixed_points(states, inputs)
    assert list(found.kind) == ["fixed"] == list(expected.kind)
    np.testing.assert_allclose(found.xstar, expected.xstar, atol=1e-7)
    whole = (np.eye(size) + expected.J_xstar) / 2
    np.testing.assert_allclose(found.J_xstar, whole, atol=1e-6)


def test_a_module_need_not_say_that_batches_come_first() -> None:
    class Around(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = torch.nn.GRU(2, 3, batch_first=True)

        def forward(self, *given: Any) -> Any:
            return self.rnn(*given)

    states, inputs = np.zeros((1, 3)), np.ones((1, 2))
    around = Around()
    found, _ = finder(around).find_fixed_points(states, inputs)
    expected, _ = finder(around.rnn).find_fixed_points(states, inputs)
    np.testing.assert_allclose(found.xstar, expected.xstar, rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match=r"rnn cannot be called as .* on states of 4"):
        finder(around).find_fixed_points(np.zeros((1, 4)), inputs)


def test_a_derived_lstm_needs_whole_states() -> None:
    with pytest.raises(ValueError, match=r"initial_states must have shape \(n, 6\), \[h, c\]"):
        finder(HalfStepLSTM(2, 3)).find_fixed_points(np.zeros((1, 3)), np.zeros((1, 2)))


@pytest.mark.filterwarnings("ignore:.*weight_norm. is deprecated:FutureWarning")
def test_a_module_around_a_weight_that_a_hook_computes_is_searched_as_it_is_now() -> None:
    class Around(torch.nn.Module):
        def __init__(self, cell: Any) -> None:
            super().__init__()
            self.cell = cell

        def forward(self, x: Any, h: Any) -> Any:
            after = self.cell(x[0], h[0])[None]
            return after, after

    torch.manual_seed(0)
    cell = nn.utils.weight_norm(nn.GRUCell(2, 3), "weight_hh").double()
    with torch.no_grad():
        cell.weight_hh_g.mul_(2)
    states, inputs = np.random.default_rng(0).uniform(-0.5, 0.5, (4, 3)), np.ones((1, 2))
    found, _ = finder(Around(cell)).find_fixed_points(states, inputs)
    expected, _ = finder(nn.utils.remove_weight_norm(cell, "weight_hh")).find_fixed_points(
        states, inputs
    )
    np.testing.assert_allclose(found.xstar, expected.xstar, atol=1e-6)
    np.testing.assert_allclose(found.J_xstar, expected.J_xstar, atol=1e-6)


def test_a_wrapped_network_is_searched_as_what_is_in_it() -> None:
    rnn, states, inputs = random_case(0)
    expected, _ = finder(rnn).find_fixed_points(states, inputs)
    for wrapped in (torch.nn.DataParallel(rnn), torch.compile(rnn, backend="eager")):
        found, _ = finder(wrapped).find_fixed_points(states, inputs)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.xstar, expected.xstar)


def test_hidden_states_of_an_lstm_are_searched_with_c_at_equilibrium() -> None:
    """The search is the one from [h, c] with c at rest, seen in h; modes are the whole state's."""
    torch.manual_seed(0)
    rnn = torch.nn.LSTM(2, 4).double()
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.mul_(4)
    h, zero = np.random.default_rng(0).uniform(-1, 1, (30, 4)), np.zeros((1, 2))
    whole_states = nc.from_torch(rnn)[0].state_of(h, zero)
    np.testing.assert_array_equal(whole_states[:, :4], h)
    whole, whole_ends = finder(rnn).find_fixed_points(whole_states, zero)
    seen, seen_ends = finder(rnn).find_fixed_points(h, zero)
    assert (whole.n_states, seen.n_states) == (8, 4)
    for a, b in ((whole, seen), (whole_ends, seen_ends)):
        np.testing.assert_array_equal(b.x_init, a.x_init[:, :4])
        np.testing.assert_array_equal(b.xstar, a.xstar[:, :4])
        np.testing.assert_array_equal(b.qstar, a.qstar)
    np.testing.assert_array_equal(seen.J_xstar, whole.J_xstar)
    np.testing.assert_array_equal(seen.eigval_J_xstar, whole.eigval_J_xstar)
    np.testing.assert_array_equal(seen.eigvec_J_xstar, whole.eigvec_J_xstar[:, :4])
    np.testing.assert_array_equal(seen.is_stable, whole.is_stable)
    with pytest.raises(ValueError, match=r"initial_states must have shape \(n, 4\) or \(n, 8\)"):
        finder(rnn).find_fixed_points(np.zeros((1, 5)), zero)


@settings(max_examples=10)
@given(seeds)
def test_ends_are_those_of_the_front_door(seed: int) -> None:
    rnn, states, inputs = random_case(seed)
    unique, ends = finder(rnn, tol_q=1e-5).find_fixed_points(states, inputs)
    expected = nc.find_fixed_points(
        nc.from_torch(rnn)[0], states, inputs, tol_slow=2 * 1e-5 / 5, max_iterations=5000
    )
    np.testing.assert_array_equal(ends.xstar, expected.h)
    np.testing.assert_array_equal(ends.kind, expected.kind)
    np.testing.assert_array_equal(ends.n_iters, expected.iterations)
    np.testing.assert_array_equal(ends.x_init, states)
    np.testing.assert_array_equal(ends.inputs, inputs)
    assert all(ends[i] in ends for i in range(ends.n))
    assert all(unique[i] in ends for i in range(unique.n))


def test_methods_agree_and_the_network_is_left_as_it_was() -> None:
    rnn, states, inputs = random_case(0)
    before = {name: value.clone() for name, value in rnn.state_dict().items()}
    joint, _ = finder(rnn, method="joint").find_fixed_points(states, inputs)
    one_by_one, _ = finder(rnn, method="sequential").find_fixed_points(states, inputs)
    np.testing.assert_array_equal(joint.xstar, one_by_one.xstar)
    for name, value in rnn.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(parameter.requires_grad for parameter in rnn.parameters())


def test_a_network_trained_further_is_read_again() -> None:
    rnn, states, inputs = random_case(0)
    search = finder(rnn)
    first, _ = search.find_fixed_points(states, inputs)
    with torch.no_grad():
        rnn.get_parameter("weight_hh_l0").mul_(0.01)
    second, _ = search.find_fixed_points(states, np.zeros((1, 2)))
    assert first.n > second.n == 1


def test_types_are_those_asked_for() -> None:
    rnn, states, inputs = random_case(0)
    for dtype, wide in (("float32", "complex64"), ("float64", "complex128")):
        unique, _ = finder(rnn, dtype=dtype).find_fixed_points(states.astype(np.float32), inputs)
        real = ("xstar", "x_init", "inputs", "F_xstar", "qstar", "dq", "J_xstar", "dFdu")
        assert {getattr(unique, name).dtype.name for name in real} == {dtype}
        assert unique.eigval_J_xstar.dtype.name == unique.eigvec_J_xstar.dtype.name == wide


def test_inputs_tell_points_apart_and_conditions_stay_with_them() -> None:
    rnn = module_of(random_gru(4, 2, 0.3))
    inputs = np.repeat([[0.0, 0.0], [1e-2, 0.0]], 3, axis=0)
    labels = np.array([7, 7, 7, 9, 9, 9])
    unique, ends = finder(rnn).find_fixed_points(np.zeros((6, 4)), inputs, labels)
    assert unique.cond_id.tolist() == [7, 9]
    assert ends.cond_id.tolist() == labels.tolist()


def test_jacobians_are_left_out() -> None:
    rnn, states, inputs = random_case(0)
    unique, _ = finder(rnn, do_compute_jacobians=False).find_fixed_points(states, inputs)
    assert (unique.J_xstar, unique.dFdu, unique.is_stable) == (None, None, None)
    unique, _ = finder(rnn, do_decompose_jacobians=False).find_fixed_points(states, inputs)
    assert unique.J_xstar is not None
    assert not unique.has_decomposed_jacobians


def test_at_most_so_many_points_are_kept() -> None:
    rnn = module_of(independent_units(np.array([2.0, 3.0]), np.zeros(2)))
    grid = np.array(list(itertools.product([-0.9, 0.0, 0.9], repeat=2)))
    unique, _ = finder(rnn, max_n_unique=4).find_fixed_points(grid, np.zeros((1, 1)))
    chosen = np.random.RandomState(0).choice(9, 4, replace=False)
    np.testing.assert_array_equal(np.sign(np.round(unique.xstar, 6)), np.sign(grid[chosen]))


def test_far_points_are_left_out() -> None:
    """All initial states but one are by the origin and end there; that one ends far from them."""
    rnn = module_of(independent_units(np.array([3.0]), np.zeros(1)))
    states = np.append(np.linspace(-1e-3, 1e-3, 12), 0.45)[:, None]
    near, ends = finder(rnn).find_fixed_points(states, np.zeros((1, 1)))
    every, _ = finder(rnn, do_exclude_distance_outliers=False).find_fixed_points(
        states, np.zeros((1, 1))
    )
    kept = FixedPointFinderTorch.identify_distance_non_outliers(ends, states, 10.0)
    centroid = states.mean(axis=0)
    scale = np.linalg.norm(states - centroid, axis=1).mean()
    far = np.linalg.norm(np.asarray(ends.xstar) - centroid, axis=1) >= 10 * scale
    assert far.any()
    assert not far.all()
    assert kept.tolist() == np.flatnonzero(~far).tolist()
    assert near.n == every.n - far.sum()


def test_points_that_did_not_converge_are_searched_on() -> None:
    rnn = module_of(independent_units(np.array([2.0, 3.0]), np.zeros(2)))
    states, zero = np.array([[0.0, 0.0], [0.9, 0.9]]), np.zeros((1, 1))
    options = {"max_iters": 1, "do_exclude_distance_outliers": False, "tol_unique": 1e-9}
    once, _ = finder(rnn, **options).find_fixed_points(states, zero)
    again, _ = finder(
        rnn, **options, do_rerun_q_outliers=True, outlier_q_scale=0.5
    ).find_fixed_points(states, zero)
    assert once.kind.tolist() == again.kind.tolist() == ["fixed", "unconverged"]
    assert once.n_iters.tolist() == [0, 1]
    assert again.n_iters.tolist() == [0, 2]
    assert 0 < again.qstar[1] < once.qstar[1]
    np.testing.assert_array_equal(again.x_init, once.x_init)


def test_outliers_in_q_exceed_the_threshold() -> None:
    fps = FixedPoints(xstar=np.zeros((3, 1)), qstar=np.array([1.0, 3.0, 2.0]))
    assert FixedPointFinderTorch.identify_q_outliers(fps, 2.0).tolist() == [1]
    assert FixedPointFinderTorch.identify_q_non_outliers(fps, 2.0).tolist() == [0, 2]


def test_no_initial_state_finds_no_point() -> None:
    rnn, _, _ = random_case(0)
    unique, ends = finder(rnn).find_fixed_points(np.zeros((0, 5)), np.zeros((1, 2)))
    assert unique.n == ends.n == 0
    assert unique.J_xstar.shape == (0, 5, 5)
    assert FixedPoints.concatenate([unique, unique]).n == 0


# Sampling


def test_states_are_the_ones_that_the_generator_draws() -> None:
    rnn, _, _ = random_case(0)
    trajectories = np.random.default_rng(1).normal(size=(4, 6, 5))
    valid = np.random.default_rng(2).uniform(size=(4, 6)) < 0.5
    drawn = finder(rnn, random_seed=5).sample_states(trajectories, 20, valid, noise_scale=0.5)
    rng = np.random.RandomState(5)
    choice = rng.randint(valid.sum(), size=20)
    expected = trajectories[valid][choice] + 0.5 * rng.randn(20, 5)
    np.testing.assert_array_equal(drawn, expected)


def test_inputs_are_drawn_with_their_states() -> None:
    rnn, _, _ = random_case(0)
    trajectories = np.random.default_rng(1).normal(size=(4, 6, 5))
    inputs = trajectories[:, :, :2] + 1
    xs, states = finder(rnn).sample_inputs_and_states(inputs, trajectories, 30)
    np.testing.assert_array_equal(xs, states[:, :2] + 1)
    alone = finder(rnn).sample_states(trajectories, 30)
    np.testing.assert_array_equal(states, alone)


TRAJECTORIES = np.zeros((2, 3, 5))

BAD_SAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "dimensions": ({"state_traj": np.zeros((3, 5))}, r"state_traj must have shape \(n_batch"),
    "NaN": ({"state_traj": np.full((2, 3, 5), np.nan)}, "state_traj must be finite"),
    "mask": ({"valid_bxt": np.ones((3, 2), bool)}, r"valid_bxt must have shape \(2, 3\)"),
    "empty mask": ({"valid_bxt": np.zeros((2, 3), bool)}, "False everywhere"),
    "number": ({"n_inits": -1}, "n_inits must lie between"),
    "noise": ({"noise_scale": -1.0}, "noise_scale must be finite and not negative"),
}


@pytest.mark.parametrize("case", BAD_SAMPLES)
def test_bad_samples_are_refused(case: str) -> None:
    change, message = BAD_SAMPLES[case]
    arguments = {"state_traj": TRAJECTORIES, "n_inits": 2, **change}
    with pytest.raises(ValueError, match=message):
        finder(random_case(0)[0]).sample_states(**arguments)


def test_inputs_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"inputs must have shape \(2, 3, n_inputs\)"):
        finder(random_case(0)[0]).sample_inputs_and_states(np.zeros((2, 4, 1)), TRAJECTORIES, 2)


# Arguments


MEANINGLESS: dict[str, Any] = {
    "lr_init": 1.0,
    "lr_patience": 5,
    "lr_factor": 0.95,
    "lr_cooldown": 0,
    "tol_dq": 1e-20,
    "n_iters_per_print_update": 100,
}


@pytest.mark.parametrize("name", MEANINGLESS)
def test_an_argument_without_meaning_warns_by_its_name(name: str) -> None:
    with pytest.warns(MeaninglessArgumentWarning, match=f"^{name} has no meaning") as caught:
        FixedPointFinderTorch(random_case(0)[0], **{name: MEANINGLESS[name]})
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_a_line_warns_once() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            FixedPointFinderTorch(random_case(0)[0], 1.0, lr_factor=0.5)
    assert len(caught) == 2


def test_defaults_warn_of_nothing() -> None:
    hps = FixedPointFinderTorch.default_hps()
    assert hps["tol_unique"] == 1e-3
    assert not hps.keys() & MEANINGLESS.keys()
    made = FixedPointFinderTorch(random_case(0)[0], **hps)
    assert {name: getattr(made, name) for name in hps} == hps


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "method": ({"method": "newton"}, ValueError, "method must be one of joint, sequential"),
    "dtype": ({"dtype": "float16"}, TypeError, "dtype must be"),
    "tol_q": ({"tol_q": -1.0}, ValueError, "tol_q must be finite"),
    "tol_unique": ({"tol_unique": "1"}, TypeError, "tol_unique must be a number"),
    "max_iters": ({"max_iters": 1.5}, TypeError, "max_iters must be an integer"),
    "scale": ({"outlier_distance_scale": -1}, ValueError, "outlier_distance_scale must be"),
    "unknown": ({"learning_rate": 1}, TypeError, "learning_rate"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_refused(case: str) -> None:
    change, error, message = BAD[case]
    with pytest.raises(error, match=message):
        FixedPointFinderTorch(random_case(0)[0], **change)


def test_networks_of_other_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="rnn must have one layer, not 2"):
        FixedPointFinderTorch(torch.nn.GRU(2, 3, num_layers=2))
    with pytest.raises(ValueError, match="rnn must have one direction"):
        FixedPointFinderTorch(torch.nn.GRU(2, 3, bidirectional=True))
    with pytest.raises(TypeError, match="rnn must be a module of PyTorch, not str"):
        FixedPointFinderTorch("GRU")  # type: ignore[arg-type]


BAD_STARTS: dict[str, tuple[Any, Any, str]] = {
    "width": (np.zeros((3, 4)), np.zeros((1, 2)), r"initial_states must have shape \(n, 5\)"),
    "vector": (np.zeros(5), np.zeros((1, 2)), "must have two dimensions each"),
    "inputs": (np.zeros((3, 5)), np.zeros((2, 2)), r"inputs must have shape \(1, 2\) or \(3, 2\)"),
    "h_n": (np.zeros((1, 3, 5)), np.zeros((1, 2)), r"one layer pass h_n\[0\], and of an LSTM's"),
    "NaN": (np.full((3, 5), np.nan), np.zeros((1, 2)), "initial_states must be finite"),
    "masked": (np.ma.ones((3, 5)) * np.ma.masked, np.zeros((1, 2)), "has masked entries"),
}


@pytest.mark.parametrize("case", BAD_STARTS)
def test_bad_initial_states_are_refused(case: str) -> None:
    states, inputs, message = BAD_STARTS[case]
    with pytest.raises(ValueError, match=message):
        finder(random_case(0)[0]).find_fixed_points(states, inputs)


def test_a_search_prints_only_when_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    rnn, states, inputs = random_case(0)
    finder(rnn, do_decompose_jacobians=False).find_fixed_points(states, inputs)
    assert capsys.readouterr() == ("", "")
    finder(rnn, verbose=True, super_verbose=True).find_fixed_points(states, inputs)
    said = capsys.readouterr()
    assert "Searching for fixed points from 12 initial states" in said.out
    assert "12/12" in said.err


# The container


def points(n: int = 4, seed: int = 0, **changes: Any) -> FixedPoints:
    """Return made-up points with every column."""
    rng = np.random.default_rng(seed)
    made = FixedPoints(
        xstar=rng.normal(size=(n, 3)),
        x_init=rng.normal(size=(n, 3)),
        inputs=rng.normal(size=(n, 2)),
        F_xstar=rng.normal(size=(n, 3)),
        qstar=rng.uniform(size=n),
        dq=rng.uniform(size=n),
        n_iters=np.arange(n),
        J_xstar=rng.normal(size=(n, 3, 3)),
        cond_id=np.arange(n),
        dFdu=rng.normal(size=(n, 3, 2)),
        kind=np.array(["fixed"] * n),
        dtype=np.float64,
        dtype_complex=np.complex128,
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def check_equal(a: FixedPoints, b: FixedPoints) -> None:
    for name, value in a.kwargs.items():
        np.testing.assert_array_equal(value, getattr(b, name), strict=isinstance(value, np.ndarray))


def slowly_unique(fps: FixedPoints) -> list[int]:
    """Return the rows that are kept, by the rule as it is written."""
    places = fps.xstar if fps.inputs is None else np.hstack([fps.xstar, fps.inputs])
    left, kept = list(range(fps.n)), []
    while left:
        first = left[0]
        group = [i for i in left if np.linalg.norm(places[i] - places[first]) <= fps.tol_unique]
        kept.append(min(group, key=lambda i: fps.qstar[i]))
        left = [i for i in left if i not in group]
    return kept


@given(st.integers(0, 25), st.booleans(), st.integers(0, 2**32 - 1))
def test_unique_points_follow_the_rule(n: int, driven: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    near = 1e-3 * rng.uniform(-0.6, 0.6, (n, 2))
    fps = FixedPoints(
        xstar=rng.integers(2, size=(n, 2)) + near,
        inputs=1.0 * rng.integers(2, size=(n, 1)) if driven else None,
        qstar=rng.permutation(n) / 1.0,
        n_iters=np.arange(n),
    )
    assert fps.get_unique().n_iters.tolist() == slowly_unique(fps)


def test_points_that_are_not_finite_are_never_equal() -> None:
    fps = FixedPoints(xstar=np.array([[np.nan], [0.0], [np.nan], [0.0]]))
    assert fps.get_unique().n == 3


@pytest.mark.parametrize(
    ("index", "rows"),
    [
        (1, [1]),
        (-1, [3]),
        (np.int64(2), [2]),
        (slice(1, 3), [1, 2]),
        ([3, 0], [3, 0]),
        (np.array([True, False, True, False]), [0, 2]),
        (np.array([], int), []),
    ],
)
def test_rows_are_taken(index: Any, rows: list[int]) -> None:
    fps = points(tol_unique=0.5, verbose=True)
    taken = fps[index]
    for name, value in fps.kwargs.items():
        found = getattr(taken, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(found, value[rows], strict=True)
        else:
            assert found == value


def test_rows_are_overwritten() -> None:
    fps, other = points(4), points(2, seed=1)
    fps[[0, 3]] = other
    check_equal(fps[[0, 3]], other)
    check_equal(fps[[1, 2]], points(4)[[1, 2]])
    fps[0] = points(1, seed=2, J_xstar=None)
    assert np.isnan(fps.J_xstar[0]).all()
    with pytest.raises(ValueError, match="fps must have n_iters"):
        fps[0] = points(1, n_iters=None)
    with pytest.raises(TypeError, match="fps must be FixedPoints, not float"):
        fps[0] = 1.0  # type: ignore[assignment]


def test_points_are_found_within_the_tolerance() -> None:
    fps = FixedPoints(xstar=np.array([[0.0, 0], [1, 1], [3e-4, 4e-4]]), tol_unique=6e-4)
    assert fps.find(fps[0]).tolist() == [0, 2]
    fps.tol_unique = 4e-4
    assert fps.find(fps[0]).tolist() == [0]
    assert fps[1] in fps
    assert FixedPoints(xstar=np.array([[5.0, 5]])) not in fps
    assert FixedPoints(xstar=np.array([[0.0]])) not in fps
    assert points(1) not in fps
    assert "a point" not in fps
    with pytest.raises(ValueError, match="fp must be one fixed point, not 3"):
        fps.find(fps)
    with pytest.raises(ValueError, match="without xstar"):
        FixedPoints().get_unique()


def test_points_are_joined() -> None:
    a, b = points(2), points(3, seed=1)
    both = FixedPoints.concatenate([a, b])
    check_equal(both[:2], a)
    check_equal(both[2:], b)
    a.update(b)
    check_equal(a, both)
    assert FixedPoints.concatenate([a, points(1, cond_id=None)]).cond_id is None
    with pytest.raises(ValueError, match="the columns that these have"):
        a.update(points(1, cond_id=None))
    with pytest.raises(ValueError, match=r"one tol_unique, not 0\.001 and 0\.5"):
        FixedPoints.concatenate([a, points(1, tol_unique=0.5)])
    with pytest.raises(ValueError, match="at least one"):
        FixedPoints.concatenate([])


def test_a_transformation_maps_states_and_turns_directions() -> None:
    fps = points()
    fps.decompose_jacobians()
    U, offset = np.random.default_rng(1).normal(size=(3, 2)), np.array([1.0, -1.0])  # noqa: N806
    mapped = fps.transform(U, offset)
    assert mapped.n_states == 2
    for i in range(fps.n):
        for name in ("xstar", "x_init", "F_xstar"):
            np.testing.assert_allclose(
                getattr(mapped, name)[i], U.T @ getattr(fps, name)[i] + offset, atol=1e-14
            )
        for name in ("eigvec_J_xstar", "dFdu"):
            expected = U.T @ getattr(fps, name)[i]
            np.testing.assert_allclose(getattr(mapped, name)[i], expected, atol=1e-14)
    for name in ("J_xstar", "eigval_J_xstar", "is_stable", "qstar", "inputs", "kind"):
        np.testing.assert_array_equal(getattr(mapped, name), getattr(fps, name))


@settings(max_examples=30)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_modes_decompose_the_jacobians(n: int, size: int, seed: int) -> None:
    jacobians = np.random.default_rng(seed).normal(size=(n, size, size))
    jacobians[0, 0, 0] = np.nan if n > 1 else 1.0
    fps = FixedPoints(J_xstar=jacobians, dtype=np.float64, dtype_complex=np.complex128)
    fps.decompose_Jacobians()
    for i, jacobian in enumerate(jacobians):
        values, vectors = fps.eigval_J_xstar[i], fps.eigvec_J_xstar[i]
        if np.isnan(jacobian).any():
            assert np.isnan(values).all()
            assert np.isnan(vectors).all()
            assert not fps.is_stable[i]
            continue
        assert (np.diff(np.abs(values)) <= 0).all()
        np.testing.assert_allclose(jacobian @ vectors, vectors * values, atol=1e-10)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=0), 1)
        assert fps.is_stable[i] == (np.abs(np.linalg.eigvals(jacobian)).max() < 1)


def test_jacobians_are_decomposed_once(capsys: pytest.CaptureFixture[str]) -> None:
    fps = points()
    with pytest.warns(MeaninglessArgumentWarning, match="do_batch"):
        fps.decompose_jacobians(do_batch=False)
    fps.decompose_jacobians(str_prefix="> ")
    assert capsys.readouterr().out == "> Jacobians have been decomposed already.\n"
    with pytest.raises(ValueError, match="no J_xstar"):
        FixedPoints(xstar=np.zeros((1, 2))).decompose_jacobians()


def test_allocated_columns_are_nan() -> None:
    fps = FixedPoints(do_alloc_nan=True, n=2, n_states=3, n_inputs=1)
    assert (fps.n, fps.n_states, fps.n_inputs, len(fps)) == (2, 3, 1, 2)
    assert np.isnan(fps.J_xstar).all()
    assert fps.eigvec_J_xstar.shape == (2, 3, 3)
    assert fps.eigvec_J_xstar.dtype == np.complex64
    assert fps.dFdu.shape == (2, 3, 1)
    for missing in ("n", "n_states", "n_inputs"):
        sizes: dict[str, Any] = {"n": 2, "n_states": 3, "n_inputs": 1, missing: None}
        with pytest.raises(ValueError, match=f"^{missing} must be given"):
            FixedPoints(do_alloc_nan=True, **sizes)


def test_sizes_are_those_of_the_columns() -> None:
    assert (FixedPoints().n, FixedPoints().n_states, FixedPoints().n_inputs) == (0, None, None)
    assert points(1).is_single_fixed_point
    assert not points(2).is_single_fixed_point
    assert repr(points(2)) == "FixedPoints(n=2, n_states=3, n_inputs=2)"


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"qstar must have 1 dimension\(s\) and 2 rows, not shape"):
        FixedPoints(xstar=np.zeros((2, 3)), qstar=np.zeros(3))
    with pytest.raises(ValueError, match=r"xstar must have 2 dimension\(s\)"):
        FixedPoints(xstar=np.zeros(3))


def test_shapes_name_every_column_and_the_summary_those_that_are_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    points(2, cond_id=None).print_shapes()
    said = capsys.readouterr().out
    shapes = dict(line.split(": ") for line in said.splitlines())
    assert shapes.keys() <= points(2).kwargs.keys()
    assert len(shapes) == 14
    assert (shapes["J_xstar"], shapes["cond_id"]) == ("(2, 3, 3)", "None")
    points(2, J_xstar=None).print_summary()
    said = capsys.readouterr().out
    titles = ("q at", "Its change", "Iterations", "The fixed points", "One step later")
    assert [title in said for title in titles] == [True] * len(titles)
    assert "Jacobians" not in said


# Its own files


def test_a_file_holds_every_column_under_just_its_name(tmp_path: Path) -> None:
    fps = points(tol_unique=0.5)
    fps.decompose_jacobians()
    path = tmp_path / "points.any"
    fps.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["points.any"]
    restored = FixedPoints()
    restored.restore(path)
    check_equal(restored, fps)


def test_saving_and_restoring_are_announced_when_verbose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fps = points(verbose=True)
    fps.save(tmp_path / "points")
    fps.restore(tmp_path / "points")
    assert capsys.readouterr().out == "Saving FixedPoints object.\nRestoring FixedPoints object.\n"


def test_objects_are_not_saved(tmp_path: Path) -> None:
    fps = points(cond_id=np.array([None] * 4))
    with pytest.raises(ValueError, match="cond_id must be of numbers or text"):
        fps.save(tmp_path / "points")
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60)
@given(st.floats(0, 1, exclude_max=True), st.integers(1, 255), st.booleans())
def test_a_damaged_archive_is_noticed_or_harmless(
    tmp_path_factory: Any, place: float, flip: int, cut: bool
) -> None:
    fps = points(2)
    path = tmp_path_factory.mktemp("damage") / "points"
    fps.save(path)
    content = bytearray(path.read_bytes())
    at = int(place * len(content))
    content[at] ^= flip
    path.write_bytes(content[:at] if cut else content)
    restored = FixedPoints()
    try:
        restored.restore(path)
    except ValueError as error:
        assert "is not a file of" in str(error)  # noqa: PT017 - either outcome is right
    else:
        check_equal(restored, fps)  # time stamps and the like
