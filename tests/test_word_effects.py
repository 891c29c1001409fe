"""Words' effects are those of the network itself, as far as first order goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

import nullcline as nc
from testing.every_cell import random_network
from testing.gru_samples import cell_of, independent_units, random_gru, seeds
from testing.known import known

if TYPE_CHECKING:
    from numpy.typing import NDArray


def drawn(seed: int, size: int, n_words: int = 7) -> tuple[NDArray[np.float64], ...]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_words, 3)), rng.normal(size=size), rng.normal(size=3)


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(1, 8), st.sampled_from([0.3, 1.0, 3.0]), seeds)
def test_effects_agree_with_the_reference(size: int, n_modes: int, gain: float, seed: int) -> None:
    gru = random_gru(size, 3, gain, seed)
    words, readout, x = drawn(seed, size)
    h = np.random.default_rng(seed).uniform(-1, 1, (2, size))
    modes = nc.linearize(cell_of(gru), h, x)
    found = nc.word_effects(modes, words, readout, point=1, n_modes=min(n_modes, size))
    moved = (words - x) @ gru.input_jacobian(h[1], x).T
    np.testing.assert_allclose(known(found.instantaneous), moved @ readout, atol=1e-12)
    values, right = np.linalg.eig(gru.jacobian(h[1], x))
    with np.errstate(divide="ignore"):
        slowness = np.abs(np.log(np.abs(values)))
    slow = np.argsort(slowness)[: len(found.eigenvalues)]
    assert len(slow) in {min(n_modes, size), n_modes + 1}
    np.testing.assert_allclose(
        np.sort_complex(found.eigenvalues), np.sort_complex(values[slow].astype(complex)), atol=1e-9
    )
    scale = np.linalg.cond(right)
    kept = (np.linalg.inv(right)[slow] @ moved.T).T @ right[:, slow].T
    np.testing.assert_allclose(known(found.steady), kept @ readout, atol=1e-10 * scale)
    assert (known(found.mode_readouts) >= 0).all()
    np.testing.assert_allclose(
        known(found.mode_readouts),
        np.abs(readout @ modes.by_time_constant().right[1, :, : len(slow)]),
        atol=1e-12,
    )


@settings(max_examples=20)
@given(st.integers(2, 8), seeds)
def test_all_modes_together_are_the_instantaneous_effect(size: int, seed: int) -> None:
    words, readout, _ = drawn(seed, size)
    modes = nc.linearize(cell_of(random_gru(size, 3, 1.0, seed)), np.zeros((1, size)))
    found = nc.word_effects(modes, words, readout, n_modes=size)
    scale = np.linalg.cond(modes.right[0])
    np.testing.assert_allclose(known(found.steady), known(found.instantaneous), atol=1e-11 * scale)


@settings(max_examples=15)
@given(st.integers(2, 8), seeds)
def test_responses_are_those_of_the_network_to_a_faint_word(size: int, seed: int) -> None:
    cell = cell_of(random_gru(size, 3, 0.5, seed))
    words, readout, x = drawn(seed, size)
    point = nc.find_fixed_points(cell, np.zeros((1, size)), x)
    modes = nc.linearize(cell, point)
    response = nc.impulse_response(modes, words, readout, 6)
    faint = 1e-6
    plus = minus = np.repeat(point.h, len(words), axis=0)
    for t in range(7):
        change = faint * (words - x) if t == 0 else 0.0
        plus, minus = cell.step(plus, x + change), cell.step(minus, x - change)
        difference = (plus - minus) @ readout / (2 * faint)
        np.testing.assert_allclose(response[t], difference, atol=1e-7)
    found = nc.word_effects(modes, words, readout)
    np.testing.assert_allclose(response[0], known(found.instantaneous), atol=1e-13)


@settings(max_examples=15)
@given(st.integers(2, 8), seeds)
def test_a_held_word_moves_the_fixed_point(size: int, seed: int) -> None:
    cell = cell_of(random_gru(size, 3, 0.5, seed))
    words, readout, x = drawn(seed, size)
    start = np.zeros((len(words), size))
    modes = nc.linearize(cell, nc.find_fixed_points(cell, start[:1], x))
    found = nc.word_effects(modes, words, readout)
    faint = 1e-5
    there, back = (
        nc.find_fixed_points(cell, start, x + sign * faint * (words - x)).h for sign in (1, -1)
    )
    np.testing.assert_allclose(known(found.held), (there - back) @ readout / (2 * faint), atol=1e-6)
    response = nc.impulse_response(modes, words, readout, 400)
    np.testing.assert_allclose(known(found.held), response.sum(axis=0), atol=1e-10)


def test_the_slow_mode_outlasts_the_others() -> None:
    """On λ = 0.999 and 0.5, the response goes from the instantaneous to the steady effect."""
    gru = independent_units(np.array([0.998, 0.0]), np.zeros(2))
    cell = nc.GRU(np.vstack([np.zeros((4, 1)), [[1.0], [2.0]]]), gru.weight_hh, gru.bias_ih)
    modes = nc.linearize(cell, np.zeros((1, 2)))
    readout, word = np.array([1.0, 1.0]), np.ones((1, 1))
    found = nc.word_effects(modes, word, readout)
    assert found.instantaneous == pytest.approx([0.5 * 1 + 0.5 * 2])
    assert found.steady == pytest.approx([0.5])
    response = nc.impulse_response(modes, word, readout, 30)[:, 0]
    assert response[30] == pytest.approx(0.5 * 0.999**30, abs=1e-9)
    assert found.held == pytest.approx([0.5 / 0.001 + 1 / 0.5])


def test_projections_are_coordinates_in_the_modes() -> None:
    words, readout, _ = drawn(5, 6)
    modes = nc.linearize(cell_of(random_gru(6, 3, 1.0, 5)), np.zeros((1, 6)))
    with_readout = nc.word_effects(modes, words, readout, n_modes=6)
    without = nc.word_effects(modes, words, n_modes=6)
    sorted_modes = modes.by_time_constant()
    plain = words @ (sorted_modes.left[0] @ modes.J_inp[0]).T
    for found in (with_readout, without):
        np.testing.assert_allclose(np.abs(found.projections), np.abs(plain), atol=1e-12)
    assert without.instantaneous is without.steady is without.held is None
    assert without.mode_readouts is None
    # The readout turns each mode so that a positive projection raises the readout.
    turned = sorted_modes.right[0] * (plain / with_readout.projections)[0]
    np.testing.assert_allclose(readout @ turned, known(with_readout.mode_readouts), atol=1e-10)
    largest = np.argmax(np.abs(sorted_modes.right[0]), axis=0)
    turned = sorted_modes.right[0] * (plain / without.projections)[0]
    entries = turned[largest, np.arange(6)]
    np.testing.assert_allclose(entries, np.abs(entries), atol=1e-10)


def test_a_pair_stays_whole() -> None:
    modes = nc.linearize(cell_of(random_gru(8, 3, 1.0, 1)), np.zeros((1, 8)))
    first = int(np.flatnonzero(modes.by_time_constant().eigenvalues[0].imag > 0)[0])
    words, readout, _ = drawn(0, 8)
    found = nc.word_effects(modes, words, readout, n_modes=first + 1)
    assert len(found.eigenvalues) == first + 2
    assert found.eigenvalues[-1] == found.eigenvalues[-2].conj()


def test_a_pair_that_was_not_found_whole_is_refused() -> None:
    cell = cell_of(random_gru(20, 3, 1.0, 1))
    every = nc.linearize(cell, np.zeros((1, 20)))
    k = int(np.flatnonzero(every.eigenvalues[0].imag > 0)[0]) + 1
    modes = nc.linearize(cell, np.zeros((1, 20)), k=k)
    last = int(np.flatnonzero(modes.by_time_constant().eigenvalues[0].imag > 0)[0])
    words, readout, _ = drawn(0, 20)
    if last + 1 < k:
        pytest.fail("the pair must come last for this test")
    with pytest.raises(ValueError, match="ends within a conjugate pair"):
        nc.word_effects(modes, words, readout, n_modes=k)


@settings(max_examples=30)
@given(st.integers(3, 40), seeds)
def test_rank_correlations_are_those_of_ranks(n_words: int, seed: int) -> None:
    words, readout, _ = drawn(seed, 5, n_words)
    modes = nc.linearize(cell_of(random_gru(5, 3, 0.3, seed)), np.zeros((1, 5)))
    found = nc.word_effects(modes, words, readout, n_modes=2)
    weights = np.random.default_rng(seed).integers(-3, 4, n_words).astype(float)
    weights[:2] = [-5, 5]
    correlations = found.rank_correlations(weights)
    effects = {f"mode {j + 1}": found.projections[:, j].real for j in range(len(found.eigenvalues))}
    for name in ("instantaneous", "steady", "held"):
        effects[name] = getattr(found, name)
    assert list(correlations) == list(effects)
    for name, values in effects.items():
        expected = np.corrcoef(rankdata(values), rankdata(weights))[0, 1]
        assert correlations[name].rho == pytest.approx(expected, abs=1e-12)
        assert 0 <= correlations[name].p_value <= 1


def test_words_that_rank_alike_correlate_fully() -> None:
    words, readout, _ = drawn(3, 6, 50)
    modes = nc.linearize(cell_of(random_gru(6, 3, 0.5, 3)), np.zeros((1, 6)))
    found = nc.word_effects(modes, words, readout)
    alike = found.rank_correlations(np.exp(known(found.steady)))
    against = found.rank_correlations(-(known(found.steady) ** 3))
    assert alike["steady"].rho == alike["mode 1"].rho == pytest.approx(1)
    assert against["steady"].rho == against["mode 1"].rho == pytest.approx(-1)
    assert alike["steady"].p_value < 1e-6


def test_words_that_do_nothing_have_no_rank() -> None:
    cell = cell_of(independent_units(np.array([0.5, 0.2]), np.zeros(2)))  # it reads nothing
    found = nc.word_effects(nc.linearize(cell, np.zeros((1, 2))), np.arange(4.0)[:, None])
    correlation = found.rank_correlations(np.arange(4.0))["mode 1"]
    assert np.isnan([correlation.rho, correlation.p_value]).all()


def test_nothing_is_held_where_nothing_returns() -> None:
    cell = cell_of(independent_units(np.array([2.0, 0.2]), np.zeros(2)))
    found = nc.word_effects(nc.linearize(cell, np.zeros((1, 2))), np.ones((3, 1)), np.ones(2))
    assert np.isnan(known(found.held)).all()
    assert np.isnan(found.rank_correlations(np.arange(3.0))["held"].rho)


def test_a_defective_slow_mode_is_refused() -> None:
    weight_hh = np.zeros((6, 2))
    weight_hh[4:] = [[0.5, 0.0], [1.0, 0.5]]
    modes = nc.linearize(nc.GRU(np.zeros((6, 1)), weight_hh), np.zeros((1, 2)))
    with pytest.raises(ValueError, match="defective mode"):
        nc.word_effects(modes, np.ones((3, 1)))


def test_an_lstms_words_are_read_out_of_its_outputs() -> None:
    cell = random_network("lstm", 3, 2).cell()
    rng = np.random.default_rng(0)
    words, readout = rng.normal(size=(5, 2)), rng.normal(size=3)
    modes = nc.linearize(cell, nc.find_fixed_points(cell, np.zeros((1, 6))).h)
    found = nc.word_effects(modes, words, readout, n_modes=6)
    moved = words @ cell.input_jacobian(modes.h)[0].T
    np.testing.assert_allclose(known(found.instantaneous), moved[:, :3] @ readout, atol=1e-12)
    np.testing.assert_allclose(known(found.steady), known(found.instantaneous), atol=1e-9)
    whole = nc.word_effects(modes, words, np.concatenate([readout, np.zeros(3)]))
    np.testing.assert_array_equal(
        known(whole.held), known(nc.word_effects(modes, words, readout).held)
    )
    later = nc.impulse_response(modes, words, readout, 1)[1]
    expected = (moved @ cell.jacobian(modes.h)[0].T)[:, :3] @ readout
    np.testing.assert_allclose(later, expected, atol=1e-12)


MODES = nc.linearize(cell_of(random_gru(4, 3, 0.3)), np.zeros((2, 4)))
WORDS = np.eye(3)

BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "embeddings": ({"embeddings": np.zeros((3, 2))}, ValueError, r"embeddings must have shape"),
    "one word": ({"embeddings": np.zeros(3)}, ValueError, r"embeddings\[None\]"),
    "readout": ({"readout": np.zeros((1, 4))}, ValueError, r"readout must have shape \(4,\)"),
    "point": ({"point": 2}, ValueError, "point must lie between 0 and 1"),
    "modes": ({"n_modes": 5}, ValueError, "n_modes must lie between 1 and 4"),
    "NaN": ({"embeddings": np.full((1, 3), np.nan)}, ValueError, "embeddings must be finite"),
    "booleans": ({"embeddings": np.eye(3, dtype=bool)}, TypeError, "embeddings must be float64"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    change, error, message = BAD[case]
    with pytest.raises(error, match=message):
        nc.word_effects(**{"linearization": MODES, "embeddings": WORDS, **change})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(3), "weights must differ"),
        (np.ones(2), r"weights must have shape \(3,\)"),
        (np.array([1.0, np.inf, 2.0]), "weights must be finite"),
    ],
)
def test_bad_weights_are_refused(weights: NDArray[np.float64], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        nc.word_effects(MODES, WORDS).rank_correlations(weights)


def test_two_words_have_no_rank() -> None:
    with pytest.raises(ValueError, match="at least 3 words"):
        nc.word_effects(MODES, WORDS[:2]).rank_correlations(np.arange(2.0))


def test_steps_back_in_time_are_refused() -> None:
    with pytest.raises(ValueError, match="n_steps must lie between 0"):
        nc.impulse_response(MODES, WORDS, np.ones(4), -1)
