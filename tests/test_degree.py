"""Indices are what eigenvalues say, their sum is 1, and every omission is noticed."""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nullcline as nc
from benchmarks.members import read
from nullcline.cells import in_float64
from nullcline.certify import index_states
from nullcline.certify.determinants import Factored
from nullcline.certify.hypotheses import LEAVES, NO_BOUNDS, UNBOUNDED
from nullcline.search import Verdict
from testing.every_cell import KINDS, random_network
from testing.known import known
from testing.trained_networks import LAYERS, trained_layer

UNBOUNDED_KINDS = ("relu", "leaky")  # whose activations include softplus
BOUNDED = tuple(kind for kind in KINDS if kind not in UNBOUNDED_KINDS)
GAINS = (0.8, 1.5, 2.5)


def bounded_leaky(size: int, gain: float, seed: int) -> nc.LeakyRNN:
    """Return a leaky network of all bounded activations, some of which have kinks."""
    rng = np.random.default_rng(seed)
    names = [("tanh", "logistic", "hard_tanh", "rectified_tanh")[i % 4] for i in range(size)]
    w = gain * rng.normal(size=(size, size)) / np.sqrt(size)
    return nc.LeakyRNN(
        np.zeros((size, 1)), w, rng.normal(size=size) / 5, alpha=0.3, activation=names
    )


def starts_for(cell: Any, n: int, x: Any = None) -> Any:
    """Return states drawn from all of a cell's box."""
    box = cell.box_at(x)
    low, high = np.maximum(box.low, -10), np.minimum(box.high, 10)
    outputs = np.random.default_rng(0).uniform(low, high, (n, len(low)))
    return cell.state_of(outputs.astype(cell.dtype), x)


def found(cell: Any, n: int = 150, x: Any = None) -> nc.FixedPoints:
    return nc.find_fixed_points(cell, starts_for(cell, n, x), x).unique()


@cache
def several(kind: str) -> nc.FixedPoints:
    """Return the points of a network that has more than one."""
    gain = 0.8 if kind in UNBOUNDED_KINDS else 2.5
    for seed in range(50):
        points = found(random_network(kind, 5, 2, gain, seed).cell()).select("fixed")
        if len(points) > 1:
            return points
    raise AssertionError(kind)


# The sign of a determinant


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 7), st.integers(0, 2**32 - 1))
def test_the_sign_is_that_of_the_exact_determinant(size: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).integers(-3, 4, (size, size)).astype(float)
    exact = round(np.linalg.det(matrix))
    sign = Factored(matrix).determinant_sign()
    assert sign == np.sign(exact)  # singular ones of small integers are found out, too


def test_a_determinant_that_an_error_may_turn_has_no_sign() -> None:
    near = np.array([[1.0, 1.0], [1.0, 1.001]])
    assert Factored(near).determinant_sign() == 1
    assert Factored(near).determinant_sign(np.full((2, 2), 1e-4)) == 1
    assert Factored(near).determinant_sign(np.full((2, 2), 1e-3)) == 0
    assert Factored(near[::-1]).determinant_sign() == -1


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e200, 0.0])
def test_what_overflows_or_is_singular_has_no_sign(value: float) -> None:
    matrix = np.array([[value, 1e200], [1e200, value]])
    assert Factored(matrix).determinant_sign(np.full((2, 2), 1e-3)) in (
        {0} if value != 0 else {0, -1}
    )


# The index of a point


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_index_is_that_of_the_real_eigenvalues_above_1(kind: str, dtype: Any) -> None:
    for seed in range(8):
        cell = random_network(kind, 5, 2, 2.0, seed).cell(dtype)
        points = found(cell, 60).select("fixed")
        if len(points) == 0:  # a network without bounds may have none
            continue
        eigenvalues = nc.linearize(cell, points).eigenvalues
        above = (np.abs(eigenvalues.imag) < 1e-9) & (eigenvalues.real > 1)
        np.testing.assert_array_equal(points.index, (-1) ** above.sum(axis=1))
        assert points.index.dtype == np.int8


@pytest.mark.parametrize("kind", KINDS)
def test_the_index_is_the_same_by_the_whole_step(kind: str) -> None:
    points = several(kind)
    cell = points.cell
    assert cell is not None
    whole = np.eye(cell.state_size) - cell.jacobian(points.h)
    np.testing.assert_array_equal(points.index, np.sign(np.linalg.det(whole)))


@pytest.mark.parametrize("pair", [False, True])
def test_a_stack_has_the_products_of_its_layers_indices(pair: bool) -> None:
    rng = np.random.default_rng(3)
    size = 3
    below: Any = [random_network("gru", size, 2, 3.0, seed).cell() for seed in (1, 2)]
    reads = 2 * size if pair else size
    above = random_network("tanh", size, reads, 1.5, 4).cell()
    stack = nc.Stack([nc.Bidirectional(*below) if pair else below[0], above])
    points = nc.find_fixed_points(stack, rng.uniform(-1, 1, (200, stack.state_size))).unique()
    whole = np.eye(stack.state_size) - stack.jacobian(points.h)
    np.testing.assert_array_equal(points.index, np.sign(np.linalg.det(whole)))
    assert points.completeness().is_consistent


def test_each_layer_of_a_stack_has_its_part() -> None:
    first, second = (nc.RNN(np.ones((1, 1)), np.array([[slope]])) for slope in (3.0, 0.5))
    for layers in ([first, second], [second, first]):
        stack = nc.Stack(layers)
        points = nc.find_fixed_points(stack, starts_for(stack, 30)).unique()
        assert sorted(points.index.tolist()) == [-1, 1, 1]


def test_a_state_from_which_the_determinant_turns_on_the_way_to_the_point_has_no_index() -> None:
    cell = nc.RNN(np.zeros((1, 1)), np.array([[1 + 1e-9]]))
    # There det(I - Dn) is positive, and at the fixed point in the middle negative.
    assert index_states(cell, np.array([[0.0], [1e-4]])).tolist() == [-1, 0]


def test_a_point_at_a_fold_and_lines_of_points_have_no_index() -> None:
    line = nc.RNN(np.zeros((2, 1)), np.array([[1.0, 0.0], [0.0, 0.5]]))
    points = nc.find_fixed_points(line, np.zeros((1, 2)))
    assert points.index.tolist() == [0]
    assert points.completeness().verdict == (Verdict.UNDETERMINED,)
    assert "(row 0)" in str(points.completeness())


def test_other_ends_have_no_index() -> None:
    points = several("gru")
    slow = replace(points, kind=np.array(["slow"] * len(points)))
    assert slow.index.tolist() == [0] * len(points)
    assert slow.completeness().n_points.tolist() == [0]


def test_float32_cells_have_the_indices_of_their_weights_in_float64() -> None:
    cell = random_network("lstm", 5, 2, 2.5, 1).cell(np.float32)
    twin = in_float64(cell)
    assert twin.dtype == np.float64
    h, x = starts_for(cell, 5), np.ones(2, np.float32)
    np.testing.assert_allclose(twin.step(h, x), cell.step(h, x), rtol=1e-5, atol=1e-6)
    points = found(cell)
    np.testing.assert_array_equal(index_states(twin, points.h.astype(np.float64)), points.index)


def test_indices_are_refused_for_another_cell() -> None:
    points = several("gru")
    with pytest.raises(ValueError, match="cell has states of 7 numbers, and these have 5"):
        points.completeness(random_network("gru", 7, 2).cell())
    without = replace(points, cell=None)
    with pytest.raises(ValueError, match="pass the one that was searched"):
        _ = without.index
    with pytest.raises(ValueError, match="pass the one that was searched"):
        without.completeness()
    assert without.completeness(points.cell).is_consistent


# Their sum


@pytest.mark.parametrize("kind", BOUNDED)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_indices_of_random_networks_sum_to_1(kind: str, dtype: Any) -> None:
    for seed in range(10):
        for size in (2, 4, 6):
            cell = random_network(kind, size, 2, GAINS[seed % 3], seed).cell(dtype)
            points = found(cell, 300)
            assert points.completeness().is_consistent, (seed, size, points)


@pytest.mark.parametrize("seed", range(12))
def test_those_of_bounded_leaky_networks_do(seed: int) -> None:
    points = found(bounded_leaky(6, GAINS[seed % 3], seed), 300)
    assert points.completeness().is_consistent, points


@pytest.mark.parametrize("kind", ["gru", "lstm", "tanh", "rate"])
def test_they_do_at_every_input(kind: str) -> None:
    cell = random_network(kind, 4, 2, 1.5, 5).cell()
    inputs = {"b": np.array([2.0, 1.0]), "a": np.zeros(2)}
    box = cell.box_at(inputs["b"])
    reach = float(np.max(np.abs([box.low, box.high])))
    outputs = np.random.default_rng(1).uniform(-reach, reach, (200, 4))
    points = nc.find_fixed_points(cell, cell.state_of(outputs), inputs)
    told = points.completeness()
    assert told.is_consistent
    assert told.condition is not None
    assert told.condition.tolist() == ["b", "a"]
    assert str(told).startswith("b: consistent with being complete")


@pytest.mark.parametrize(("name", "layer"), LAYERS)
def test_those_of_trained_layers_do(name: str, layer: int) -> None:
    network = trained_layer(name, layer)
    starts = network.starts[:60].astype(np.float64)
    points = nc.find_fixed_points(network.cell(), starts)
    assert points.completeness().is_consistent, points.unique()


POPULATION = sorted((Path(__file__).parent / "fixtures" / "population").glob("*.safetensors"))


@pytest.mark.parametrize("path", POPULATION, ids=lambda path: path.stem)
def test_trained_networks_are_consistent_once_all_is_found(path: Path) -> None:
    member = read(path)
    found = nc.find_all_fixed_points(member.cell(), starts=member.starts[:50])
    assert found.completeness.is_consistent, found


def test_pairs_that_float32_weights_hold_count_as_two_or_leave_it_open() -> None:
    """A bias one unit in the last place further, the pair is gone."""
    fold = np.sqrt(0.5)  # of tanh(2 h + b) = h
    bias = np.nextafter(np.float32(np.arctanh(fold) - 2 * fold), np.float32(-1))
    starts = np.linspace(-1, 1, 400, dtype=np.float32)[:, None]
    weight, none = np.full((1, 1), 2, np.float32), np.zeros((1, 1), np.float32)
    told = []
    for _ in range(5):
        cell = nc.RNN(none, weight, bias[None], none[0])
        told.append(nc.find_fixed_points(cell, starts).completeness())
        bias = np.nextafter(bias, np.float32(1))
    assert told[0].verdict == (Verdict.UNDETERMINED,)
    assert [(one.n_points[0], one.verdict[0]) for one in told[2:]] == [(3, Verdict.CONSISTENT)] * 3


def two_layers() -> nc.FixedPoints:
    """Return all five points of two units, the second of which reads the first."""
    lower = nc.RNN([[0.0]], [[2.0]], [0.05], [0.0])
    points = nc.find_all_fixed_points(nc.Stack([lower, nc.RNN([[1.0]], [[2.5]])])).points
    assert len(points) == 5
    return points


def test_layers_show_to_be_incomplete_what_cancels_in_the_joint_sum() -> None:
    points = two_layers()
    whole = points.completeness()
    assert whole.is_consistent
    assert all(layer.is_consistent for layer in whole.layers)
    assert [len(layer) for layer in whole.layers] == [1, 3]
    assert whole.layers[1].n_points.tolist() == [1, 3, 1]
    # Without an outer point of the lower layer and a saddle, the joint sum is 1 as before.
    outer = int(np.argmax(points.h[:, 0]))
    saddle = int(np.flatnonzero(points.index == -1)[0])
    left = points[[i for i in range(5) if i not in {outer, saddle}]]
    told = left.completeness()
    assert (told.index_sum[0], told.missing[0]) == (1, 0)
    assert told.verdict == (Verdict.INCOMPLETE,)
    assert "not layer by layer: layer 1: provably incomplete" in str(told)
    assert told.layers[0].missing.tolist() == [1]
    assert "index sum 1: incomplete" in repr(replace(left, count=left.count + 1))


def test_an_upper_layer_is_judged_at_each_point_of_those_below_and_each_input() -> None:
    points = two_layers()
    middle = np.flatnonzero(np.abs(points.h[:, 0]) < 0.5)
    lacking = points[[i for i in range(5) if i != middle[points.index[middle] == -1][0]]]
    inputs = np.zeros((5, 1))
    both = nc.concatenate(
        [
            replace(points, inputs=inputs, condition=np.array(["all"] * 5)),
            replace(lacking, inputs=inputs[:4], condition=np.array(["some"] * 4)),
        ]
    )
    told = both.completeness()
    assert told.verdict == (Verdict.CONSISTENT, Verdict.INCOMPLETE)
    upper = told.layers[1]
    where = int(np.argmin([v is not Verdict.INCOMPLETE for v in upper.verdict]))
    assert upper.condition is not None
    assert str(upper.condition[where]) == "some: layer 2 at point 2 of layer 1"
    three = nc.Stack([*known(points.cell).cells, nc.RNN([[1.0]], [[0.5]])])  # type: ignore[attr-defined]
    above = nc.find_all_fixed_points(three).completeness
    names = known(above.layers[2].condition).tolist()
    assert names[0] == "layer 3 at point 1 of layer 2 at point 1 of layer 1"
    assert len(names) == 5


def test_points_of_conditions_that_are_joined_keep_their_layers() -> None:
    stack = known(two_layers().cell)
    found = nc.find_all_fixed_points(stack, {"low": [0.0], "high": [0.0]})
    assert [len(layer) for layer in found.completeness.layers] == [2, 6]
    assert found.completeness.is_consistent


def test_a_flip_flop_is_told_to_be_incomplete_and_its_27_points_are_found() -> None:
    member = read(next(path for path in POPULATION if "flip-flop" in path.stem))
    searched = nc.find_fixed_points(member.cell(), member.starts)
    assert searched.completeness().verdict == (Verdict.INCOMPLETE,)
    found = nc.find_all_fixed_points(member.cell(), starts=member.starts)
    assert len(found) == 27
    assert found.settled.tolist() == [True]


@pytest.mark.parametrize("kind", BOUNDED)
def test_every_omission_is_noticed(kind: str) -> None:
    points = several(kind)
    for left_out in range(len(points)):
        rest = points.select(np.arange(len(points)) != left_out)
        told = rest.completeness()
        assert told.verdict == (Verdict.INCOMPLETE,)
        assert told.missing.tolist() == [points.index[left_out]]
        sign = "+1" if points.index[left_out] > 0 else "-1"
        assert str(told).endswith(f"at least 1 point of index {sign} is missing")


def test_no_even_number_of_points_passes_without_a_word() -> None:
    points = several("tanh")
    even = points.select(np.arange(len(points) - 1))
    assert "incomplete" in repr(replace(even, count=even.count + 1))
    assert "incomplete" in str(even.completeness())
    assert "incomplete" in repr(even.completeness())


def test_points_that_are_not_merged_count_once() -> None:
    points = several("tanh")
    cell = points.cell
    assert cell is not None
    every = nc.find_fixed_points(cell, starts_for(cell, 150))
    assert every.completeness().n_points.tolist() == [len(points)]
    assert every.completeness().is_consistent


@pytest.mark.parametrize("kind", ["tanh", "gru", "lstm"])
@pytest.mark.parametrize("off", [1.1e-3, 3e-3, 1e-2])
def test_a_state_that_is_off_its_point_counts_as_that_point(kind: str, off: float) -> None:
    points = replace(several(kind), tol_unique=1e-3)
    assert points.completeness().is_consistent
    for i in range(len(points)):
        moved = replace(points[i], h=points[i].h + off)
        verdict = nc.concatenate([points, moved]).completeness().verdict[0]
        assert verdict in {Verdict.CONSISTENT, Verdict.UNDETERMINED}
        if off < 3e-3:
            assert verdict is Verdict.CONSISTENT


def test_a_state_off_a_stacks_point_counts_as_that_point() -> None:
    lower, upper = (random_network("tanh", 3, n, 2.5, 4).cell() for n in (2, 3))
    points = found(nc.Stack([lower, upper]))
    assert points.completeness().is_consistent
    moved = replace(points[0], h=points[0].h + 2e-3)
    assert nc.concatenate([points, moved]).completeness().is_consistent


@pytest.mark.parametrize("tolerance", [0.7, 1.0, 3.0])
def test_points_that_a_wide_tolerance_would_merge_count_each(tolerance: float) -> None:
    cell = nc.RNN(np.zeros((2, 1)), np.diag([1.2, 1.3]), np.zeros(2))
    points = found(cell)
    assert len(points) == 9
    wide = replace(points, tol_unique=tolerance)
    assert wide.completeness().n_points.tolist() == [9]
    assert wide.completeness().is_consistent


def test_ends_that_differ_in_what_follows_of_outputs_alone_count_once() -> None:
    points = several("lstm").select([0, 1, 2])
    again = replace(points, h=points.h + np.repeat([0, 1e3], points.h.shape[1] // 2))
    both = nc.concatenate([points, again])
    assert both.completeness().index_sum.tolist() == points.completeness().index_sum.tolist()


def test_a_search_that_met_nothing_is_incomplete() -> None:
    cell = random_network("gru", 4, 2).cell()
    told = nc.find_fixed_points(cell, np.zeros((0, 4))).completeness()
    assert told.verdict == (Verdict.INCOMPLETE,)
    assert told.missing.tolist() == [1]


def test_unbounded_cells_are_told_that_nothing_is_known() -> None:
    for cell in (random_network("relu", 4, 2, 0.5).cell(), random_network("leaky", 4, 2).cell()):
        told = nc.find_fixed_points(cell, np.zeros((3, 4))).completeness()
        assert told.verdict == (Verdict.INAPPLICABLE,)
        assert told.why == (UNBOUNDED,)
        assert "not bounded" in str(told)
        assert told.missing.tolist() == [0]


def test_functions_are_judged_by_their_bounds() -> None:
    w = torch.from_numpy(1.5 * np.random.default_rng(2).normal(size=(4, 4)))
    scaled = {scale: lambda x, s, a=scale: a * torch.tanh(s @ w + x) for scale in (1.0, 2.0)}
    starts = np.random.default_rng(3).uniform(-1, 1, (100, 4))

    def told(scale: float, bounds: Any) -> nc.Completeness:
        cell = nc.from_function(scaled[scale], 4, 4, bounds=bounds)
        return nc.find_fixed_points(cell, starts).completeness()

    assert told(1.0, (-1, 1)).is_consistent
    assert told(1.0, None).why == (NO_BOUNDS,)
    assert told(2.0, (-1, 1)).why == (LEAVES,)
    assert told(2.0, (-2, 2)).verdict != (Verdict.INAPPLICABLE,)


# What is shown and kept


def test_merged_points_say_their_sum_and_tables_have_a_column() -> None:
    points = several("tanh")
    assert repr(replace(points, count=points.count + 1)).endswith("; index sum 1)")
    table = points.to_dataframe(index=True)
    assert table["index"].tolist() == points.index.tolist()
    assert "index" not in points.to_dataframe()
    assert "<th>index</th>" in points._repr_html_()


def test_it_is_kept_out_of_pickles_and_computed_once() -> None:
    points = several("gru")
    assert points.index is points.index
    again = pickle.loads(pickle.dumps(points))  # noqa: S301 - its own
    assert "index" not in vars(again)
    np.testing.assert_array_equal(again.index, points.index)
