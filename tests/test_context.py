"""What a context changes in later inputs: against finite differences and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import nullcline as nc
from testing.every_cell import KINDS, random_network
from testing.public_objects import leaky_function

D = 3


def _cell(kind: str):  # type: ignore[no-untyped-def] # of any class
    if kind == "function":
        return nc.from_function(leaky_function, 3, 3, bounds=(-1, 1))
    if kind == "stack":
        return nc.Stack([random_network("gru", 4, D, seed=1).cell(), nc.RNN(*_rnn())])
    return random_network(kind, 4, D, seed=1).cell()


def _rnn() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(5, 4)), rng.normal(size=(5, 5)) / 3


def _problem(kind: str):  # type: ignore[no-untyped-def]
    cell, rng = _cell(kind), np.random.default_rng(0)
    contexts, origin = rng.uniform(-0.5, 0.5, (2, cell.state_size)), np.full(cell.state_size, 0.1)
    return cell, contexts, rng.normal(size=(6, D)), rng.normal(size=cell.state_size), origin


@pytest.mark.parametrize("kind", [*KINDS, "function", "stack"])
@pytest.mark.parametrize("delay", [0, 2])
def test_the_linear_effect_is_the_derivative_of_the_exact_one(kind: str, delay: int) -> None:
    cell, contexts, words, readout, origin = _problem(kind)
    small = 1e-6 * words
    found = nc.context_effects(cell, contexts, small, readout, origin, delay=delay)
    scale = np.abs(found.modified).max()
    np.testing.assert_allclose(found.exact_plain, found.plain, atol=1e-4 * scale)
    np.testing.assert_allclose(found.exact_modified, found.modified, atol=1e-4 * scale)
    # A rate network adds its input to what the state is: at once, no context changes that.
    assert (np.abs(found.change).max() > 1e-3 * scale) == (kind != "rate" or delay > 0)


def test_the_effects_at_once_are_those_of_the_formula() -> None:
    cell, contexts, words, readout, origin = _problem("gru")
    x = np.array([0.3, -0.2, 0.1])
    found = nc.context_effects(cell, contexts, words, readout, origin, x=x)
    jacobians = cell.input_jacobian(contexts, x) - cell.input_jacobian(origin[None], x)
    expected = np.einsum("s,csd,vd->cv", readout, jacobians, words - x)
    np.testing.assert_allclose(found.change, expected, rtol=1e-12, atol=1e-14)
    for c, context in enumerate(contexts):
        for v, word in enumerate(words):
            both = cell.step(context[None], word) - cell.step(context[None], x)
            alone = cell.step(origin[None], word) - cell.step(origin[None], x)
            assert found.exact_change[c, v] == pytest.approx((both - alone)[0] @ readout)


def test_a_readout_a_class_gives_what_each_gives_alone() -> None:
    cell, contexts, words, readout, origin = _problem("lstm")
    readouts = np.stack([readout, -2 * readout, np.roll(readout, 1)])
    found = nc.context_effects(cell, contexts, words, readouts, origin, delay=1)
    assert found.modified.shape == (2, 3, 6)
    assert found.slopes().shape == found.size.shape == (2, 3)
    for i, row in enumerate(readouts):
        alone = nc.context_effects(cell, contexts, words, row, origin, delay=1)
        np.testing.assert_allclose(found.change[:, i], alone.change, rtol=1e-12)
        np.testing.assert_allclose(found.exact_modified[:, i], alone.exact_modified, rtol=1e-12)
    np.testing.assert_allclose(found.slopes()[:, 1], found.slopes()[:, 0])


def test_slopes_tell_flipping_from_strengthening() -> None:
    # h' = tanh(g ∘ x) with the gate g in the state: a unit that multiplies what is read.
    def gated(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.stack([h[:, 1] * x[:, 0], h[:, 1]], dim=1)

    cell = nc.from_function(gated, 2, 1)
    contexts = [[0.0, -1.0], [0.0, 2.0], [0.0, 1.0]]
    found = nc.context_effects(cell, contexts, [[1.0], [-3.0]], [1.0, 0.0], [0.0, 1.0])
    np.testing.assert_allclose(found.slopes(), [-1, 2, 1])
    np.testing.assert_allclose(found.slopes([1], exact=True), [-1, 2, 1])
    np.testing.assert_allclose(found.r2[:2], 1)
    assert np.isnan(found.r2[2])
    assert "slope" in found._repr_html_()


def test_a_context_fades_as_its_mode_does() -> None:
    # A bilinear cell: the second unit multiplies what the first reads and decays by 0.8 a step.
    def fading(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.stack([h[:, 0] + (1 + h[:, 1]) * x[:, 0], 0.8 * h[:, 1]], dim=1)

    cell = nc.from_function(fading, 2, 1)
    contexts, words, readout, origin = [[0.0, -2.0], [1.0, 0.0]], [[1.0], [2.0]], [1.0, 0.0], [0, 0]
    found = nc.context_decay(cell, contexts, words, readout, origin, n_steps=8)
    expected = 2 * np.sqrt(2.5) * 0.8 ** np.arange(9)
    np.testing.assert_allclose(found.size[0], expected, rtol=1e-12)
    assert found.half_life[0] == pytest.approx(np.log(0.5) / np.log(0.8))
    assert np.isnan(found.half_life[1])
    short = nc.context_decay(cell, contexts, words, readout, origin, n_steps=2)
    assert np.isinf(short.half_life[0])
    modes = nc.context_modes(nc.linearize(cell, np.zeros((1, 2))), contexts, words, readout)
    np.testing.assert_allclose(modes.eigenvalues, [1, 0.8])
    assert modes.strongest[0] == 1
    np.testing.assert_allclose(modes.size[0], [0, 2 * np.sqrt(2.5)], atol=1e-9)
    np.testing.assert_allclose(modes.change[0], [-2, -4], rtol=1e-8)


def test_what_changes_nothing_at_once_has_no_share_and_no_half_life() -> None:
    # What the third unit holds multiplies the word one step later, and not at once.
    def late(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.stack([h[:, 0] + (1 + h[:, 1]) * x[:, 0], h[:, 2], 0 * h[:, 2]], dim=1)

    cell = nc.from_function(late, 3, 1)
    found = nc.context_decay(cell, [[0, 0, 1.0]], [[1.0]], [1.0, 0, 0], [0.0, 0, 0], n_steps=3)
    np.testing.assert_allclose(found.size, [[0, 1, 0, 0]])
    assert np.isnan(found.share).all()
    assert np.isnan(found.half_life).all()


def test_a_change_that_the_network_does_not_make_has_no_share_explained() -> None:
    # The derivative sees a slope at 0 that the word, a whole step away, has no part in.
    def flat_there(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.stack([h[:, 1] * (x[:, 0] - x[:, 0] ** 2), h[:, 1]], dim=1)

    cell = nc.from_function(flat_there, 2, 1)
    found = nc.context_effects(cell, [[0.0, 1.0]], [[1.0]], [1.0, 0.0], [0.0, 0.0])
    assert (found.change[0, 0], found.exact_change[0, 0]) == (1, 0)
    assert np.isnan(found.r2[0])


@pytest.mark.parametrize("kind", ["gru", "lstm", "tanh"])
def test_modes_add_up_to_the_first_order_change(kind: str) -> None:
    cell, contexts, words, readout, origin = _problem(kind)
    near = origin + 1e-4 * (contexts - origin)
    linear = nc.linearize(cell, origin[None])
    found = nc.context_modes(linear, near, words, readout)
    expected = nc.context_effects(cell, near, words, readout, origin).change
    np.testing.assert_allclose(found.change, expected, atol=2e-3 * np.abs(expected).max())


def test_the_subspace_leaves_out_the_line_and_counts_dimensions() -> None:
    rng = np.random.default_rng(1)
    q, _ = np.linalg.qr(rng.normal(size=(6, 6)))
    line, first, second = q[:, 0], q[:, 1], q[:, 2]
    moved = np.array([5 * line + 3 * first, -2 * line - 3 * first, second, 7 * line])
    found = nc.modifier_subspace(moved, 3 * line, share=0.9)
    np.testing.assert_allclose(found.explained_variance_ratio, [18 / 19, 1 / 19])
    assert found.dimension == 1
    assert found.along_line == pytest.approx(78 / 97)
    np.testing.assert_allclose(np.abs(found.basis() @ first), 1)
    np.testing.assert_allclose(found.directions @ line, 0, atol=1e-12)
    assert nc.modifier_subspace(moved, line, share=1).dimension == 2
    assert nc.modifier_subspace(moved).along_line == pytest.approx(0)
    for nothing, along in ((np.outer([1, 2], line), 1), (np.zeros((2, 6)), 0)):
        empty = nc.modifier_subspace(nothing, line)
        assert (empty.dimension, empty.basis().shape) == (0, (0, 6))
        assert empty.along_line == pytest.approx(along)


@pytest.mark.parametrize("kind", ["gru", "lstm", "stack"])
def test_projected_runs_are_those_of_a_plain_loop(kind: str) -> None:
    cell, _, _, _, origin = _problem(kind)
    rng = np.random.default_rng(2)
    sequences = [rng.normal(size=(n, D)) for n in (3, 0, 5, 1)]
    directions = rng.normal(size=(2, cell.state_size))
    q, _ = np.linalg.qr(directions.T)
    found = nc.run_projected(cell, sequences, directions, origin=origin, start=origin)
    free = nc.run_projected(cell, sequences, None)
    for sequence, projected, whole in zip(sequences, found, free, strict=True):
        h, g = origin.copy(), np.zeros(cell.state_size)
        for x in sequence:
            h, g = cell.step(h[None], x)[0], cell.step(g[None], x)[0]
            h -= q @ (q.T @ (h - origin))
        np.testing.assert_allclose(projected, h, atol=1e-12)
        np.testing.assert_allclose(whole, g, atol=1e-12)


def test_paired_accuracies_are_compared_by_the_texts_on_which_they_differ() -> None:
    first = np.array([True] * 80 + [False] * 20)
    second = first.copy()
    second[:10], second[99] = False, True
    found = nc.compare_accuracies(first, second)
    assert (found.first, found.second, found.only_first, found.only_second) == (0.8, 0.71, 10, 1)
    assert found.difference == pytest.approx(-0.09)
    assert found.p_value == pytest.approx(2 * 12 / 2**11)  # of 11 texts, 0 or 1 by chance
    # The interval of a difference of two shares of one sample, by the normal distribution.
    half = 1.96 * np.sqrt((0.11 - 0.09**2) / 100)
    assert found.low == pytest.approx(-0.09 - half, abs=0.011)
    assert found.high == pytest.approx(-0.09 + half, abs=0.011)
    assert nc.compare_accuracies(first, first).p_value == 1


GOOD = {
    "contexts": np.zeros((2, 4)), "embeddings": np.ones((3, D)), "readout": np.ones(4),
    "origin": np.zeros(4),
}  # fmt: skip


@pytest.mark.parametrize("measure", [nc.context_effects, nc.context_decay])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"contexts": np.zeros((2, 5))}, r"contexts must have shape \(n, 4\), not \(2, 5\)"),
        ({"contexts": np.zeros(4)}, r"for a single row pass contexts\[None\]"),
        ({"contexts": np.zeros((0, 4))}, "contexts must hold at least one state"),
        ({"contexts": np.full((2, 4), np.nan)}, "contexts must be finite, but 8"),
        ({"origin": np.full(4, np.inf)}, "origin must be finite"),
        ({"origin": np.zeros((1, 4))}, "origin must be one state"),
        ({"embeddings": np.ones((3, D + 1))}, "embeddings must have shape"),
        ({"embeddings": np.ones((0, D))}, "at least one word"),
        ({"readout": np.ones(7)}, "readout must have shape"),
        ({"readout": np.zeros(4)}, "readout must not be zero"),
        ({"x": np.ones(D + 1)}, "x must be None or have shape"),
        ({"delay": -1}, "delay must lie between"),
    ],
)
def test_what_does_not_fit_is_named(measure, wrong, said) -> None:  # type: ignore[no-untyped-def]
    cell = random_network("gru", 4, D, seed=1).cell()
    with pytest.raises(ValueError, match=said):
        measure(cell, **{**GOOD, **wrong})


def test_what_is_no_cell_in_time_is_refused() -> None:
    gru = random_network("gru", 4, 4, seed=1).cell()
    with pytest.raises(TypeError, match="cell must be a nullcline cell"):
        nc.context_effects(np.eye(4), **GOOD)  # type: ignore[arg-type]
    both = nc.Stack([nc.Bidirectional(gru, gru)])
    with pytest.raises(ValueError, match="one way"):
        nc.run_projected(both, [np.zeros((2, 4))], None)


def test_subspaces_and_runs_refuse_what_they_cannot_use() -> None:
    for displacements, said in (
        (np.zeros((0, 4)), "at least one modifier"),
        ([[np.nan, 0]], "displacements must be finite"),
    ):
        with pytest.raises(ValueError, match=said):
            nc.modifier_subspace(displacements, np.eye(np.shape(displacements)[1])[0])
    with pytest.raises(ValueError, match=r"share must lie in \(0, 1\]"):
        nc.modifier_subspace(np.eye(2), share=0)
    with pytest.raises(ValueError, match=r"integration must have shape"):
        nc.modifier_subspace(np.eye(2), np.ones(3))
    cell = random_network("gru", 4, D, seed=1).cell()
    with pytest.raises(ValueError, match="directions must have shape"):
        nc.run_projected(cell, [np.ones((2, D))], np.ones(5))
    with pytest.raises(ValueError, match=r"inputs\[0\] must have shape"):
        nc.run_projected(cell, [np.ones((2, D + 1))], None)
    with pytest.raises(ValueError, match="for one pass"):
        nc.run_projected(cell, np.ones((2, D)), None)
    with pytest.raises(TypeError, match="booleans"):
        nc.compare_accuracies([0, 1], [1, 1])
    with pytest.raises(ValueError, match="an answer for each text"):
        nc.compare_accuracies([True], [True, False])
