"""Points and linearizations are indexed, joined, kept in files with their cell, and tabulated."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc
from testing.every_cell import KINDS, random_network
from testing.point_files import rewrite
from testing.public_objects import cells, leaky_function, same, stepped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CELL = random_network("gru", 4, 2, seed=4).cell()
STATES = np.random.default_rng(5).uniform(-1, 1, (6, 4))
POINTS = nc.find_fixed_points(CELL, STATES)
CONDITIONS = nc.find_fixed_points(CELL, STATES[:2], {"go": np.ones(2), "rest": np.zeros(2)})
INPUTS = np.random.default_rng(6).normal(size=(6, 2))
MODES = nc.linearize(CELL, STATES, INPUTS)
RATES = nc.LeakyRNN(np.ones((3, 1)), np.eye(3) / 2, dt=20, tau=[100, 200, 300])

INDEXES: dict[str, Any] = {
    "a slice": slice(1, 5, 2),
    "a slice from the end": slice(-2, None),
    "an empty slice": slice(4, 2),
    "a mask": np.array([True, False, True, False, False, True]),
    "a list of truth values": [True] * 6,
    "an empty mask": np.zeros(6, bool),
    "numbers": [3, 0, -1, 3],
    "an array of numbers": np.array([5, 4], np.uint8),
    "no numbers": [],
}


@pytest.mark.parametrize("held", [POINTS, MODES], ids=["points", "modes"])
@pytest.mark.parametrize("index", INDEXES)
def test_rows_are_indexed_as_arrays_are(held: Any, index: str) -> None:
    which = INDEXES[index]
    found = held[which]
    rows = np.arange(6)[which] if index != "no numbers" else []
    assert type(found) is type(held)
    assert len(found) == len(rows)
    np.testing.assert_array_equal(found.h, held.h[rows])
    assert same(found, held.select(which))
    assert found.cell is CELL


@pytest.mark.parametrize("held", [POINTS, CONDITIONS, MODES], ids=["points", "cond.", "modes"])
def test_a_number_and_an_iteration_give_single_rows(held: Any) -> None:
    n = len(held)
    for i, row in enumerate(held):
        assert len(row) == 1
        assert same(row, held[[i]])
        assert same(row, held[i - n])
        assert same(row, held[np.int64(i)])
    assert i == n - 1
    for beyond in (n, -n - 1):
        with pytest.raises(IndexError, match=f"numbers of rows, 0 to {n - 1}"):
            held[beyond]
    assert len(list(held[:0])) == 0
    with pytest.raises(IndexError, match="and there are none"):
        held[:0][0]


@pytest.mark.parametrize("held", [POINTS, MODES], ids=["points", "modes"])
@pytest.mark.parametrize("which", [None, True, (0, 1), 1.0, "h", np.zeros((6, 1), bool)])
def test_what_means_no_rows_is_refused(held: Any, which: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="which must"):
        held[which]


def test_rows_are_chosen_by_kind_and_by_stability() -> None:
    kinds = np.array(["fixed", "slow", "fixed", "fixed", "unconverged", "slow"])
    points = replace(POINTS, kind=kinds)
    assert same(points["slow"], points[[1, 5]])
    modes = replace(MODES, stability=np.array(["stable", "undecided", *["stable"] * 4]))
    assert same(modes["undecided"], modes[1])
    with pytest.raises(ValueError, match="one of stable, unstable, undecided, not 'saddle'"):
        modes["saddle"]


def test_rows_of_modes_keep_their_inputs_and_their_jacobians() -> None:
    np.testing.assert_array_equal(MODES[[4, 1]].J_rec, MODES.J_rec[[4, 1]])
    np.testing.assert_array_equal(MODES[2].inputs, INPUTS[2:3])
    one_input = nc.linearize(CELL, STATES, INPUTS[0])
    np.testing.assert_array_equal(one_input[3:].J_rec, one_input.J_rec[3:])
    assert nc.linearize(CELL, STATES)[0].inputs is None


def test_results_are_taken_for_arrays_nowhere() -> None:
    for held, attribute in ((POINTS, "points.h"), (MODES, "modes.h")):
        with pytest.raises(TypeError, match=f"no array.* {attribute}"):
            np.asarray(held)
        with pytest.raises(TypeError, match=f"h cannot be read as a NumPy array.* {attribute}"):
            CELL.step(held)


# Joining


@pytest.mark.parametrize("held", [POINTS, CONDITIONS, MODES], ids=["points", "cond.", "modes"])
def test_parts_are_joined_to_the_whole(held: Any) -> None:
    assert same(nc.concatenate([held[:1], held[1:1], held[1:]]), held)
    assert same(nc.concatenate(list(held)), held)
    assert same(nc.concatenate(iter([held])), held)


def test_counts_are_kept_and_nothing_is_merged() -> None:
    unique = POINTS.unique()
    twice = nc.concatenate([unique, unique])
    assert len(twice) == 2 * len(unique)
    assert twice.unique().count.tolist() == (2 * unique.count).tolist()


def test_no_input_is_zeros_beside_an_input() -> None:
    driven = nc.find_fixed_points(CELL, STATES, np.ones(2))
    joined = nc.concatenate([POINTS, driven])
    np.testing.assert_array_equal(joined.inputs, [[0, 0]] * 6 + [[1, 1]] * 6)
    one_for_all = nc.linearize(CELL, STATES, np.ones(2))
    assert one_for_all.inputs is not None
    assert one_for_all.inputs.shape == (1, 2)
    modes = nc.concatenate([nc.linearize(CELL, STATES), one_for_all, MODES])
    np.testing.assert_array_equal(modes.inputs, [[0, 0]] * 6 + [[1, 1]] * 6 + INPUTS.tolist())
    assert nc.concatenate([nc.linearize(CELL, STATES)] * 2).inputs is None


def test_a_part_that_does_not_know_its_cell_makes_the_whole_forget_it() -> None:
    assert nc.concatenate([POINTS, replace(POINTS, cell=None)]).cell is None


OTHER = random_network("gru", 4, 2, seed=9).cell()
WIDER = random_network("gru", 5, 2, seed=9).cell()
SINGLE = random_network("gru", 4, 2, seed=4).cell(np.float32)
BAD_PARTS: dict[str, tuple[Any, type[Exception], str]] = {
    "nothing": ([], ValueError, "at least one"),
    "one result": (POINTS, TypeError, r"not one: pass \[FixedPoints\]"),
    "a number": (3, TypeError, "a list of results, not int"),
    "arrays": ([POINTS, STATES], TypeError, "all be FixedPoints, .*, not FixedPoints, ndarray"),
    "both": ([POINTS, MODES], TypeError, "not FixedPoints, Linearization"),
    "another cell": (
        [POINTS, nc.find_fixed_points(OTHER, STATES)],
        ValueError,
        "of one cell, not of GRU.* with other weights",
    ),
    "an unknown cell between": (
        [POINTS, replace(POINTS, cell=None), replace(POINTS, cell=OTHER)],
        ValueError,
        "of one cell",
    ),
    "another size": (
        [POINTS, nc.find_fixed_points(WIDER, np.zeros((1, 5)))],
        ValueError,
        r"same length of states: parts\[0\] has 4, and parts\[1\] 5",
    ),
    "another type": (
        [POINTS, nc.find_fixed_points(SINGLE, np.zeros((1, 4), np.float32))],
        ValueError,
        "same type of states",
    ),
    "another tolerance": (
        [POINTS, replace(POINTS, tol_unique=0.1)],
        ValueError,
        r"same tol_unique.* 0.1; choose one with dataclasses.replace",
    ),
    "conditions beside none": ([CONDITIONS, POINTS], ValueError, "same kind of conditions"),
    "words beside numbers": (
        [CONDITIONS, replace(CONDITIONS, condition=np.arange(4.0))],
        ValueError,
        "strings, and .* numbers",
    ),
    "other inputs": (
        [replace(CONDITIONS, cell=None), replace(CONDITIONS, cell=None, inputs=np.ones((4, 3)))],
        ValueError,
        "same number of inputs",
    ),
    "fewer modes": (
        [MODES, nc.linearize(CELL, STATES, k=1)],
        ValueError,
        "same number of modes.* give the same k",
    ),
    "modes of another cell": (
        [MODES, nc.linearize(OTHER, STATES, INPUTS)],
        ValueError,
        "of one cell",
    ),
}


@pytest.mark.parametrize("case", BAD_PARTS)
def test_parts_that_do_not_fit_are_refused(case: str) -> None:
    parts, error, message = BAD_PARTS[case]
    with pytest.raises(error, match=message):
        nc.concatenate(parts)


def test_functions_that_step_otherwise_are_not_joined() -> None:
    cell = nc.from_function(leaky_function, 3, 3)
    other = nc.from_function(lambda _, h: h / 2, 3, 3)
    wider = nc.from_function(lambda _, h: h / 2, 3, 2)
    points = nc.find_fixed_points(cell, np.ones((2, 3)))
    for wrong in (other, wider, random_network("gru", 3, 3).cell()):
        with pytest.raises(ValueError, match="of one cell"):
            nc.concatenate([points, replace(points, cell=wrong)])


# Files that hold the cell


def points_of(cell: Any) -> nc.FixedPoints:
    starts = np.zeros((2, cell.state_size), cell.dtype)
    return nc.find_fixed_points(cell, starts, np.ones(cell.input_size, cell.dtype))


FILED = [cell for cell in cells() if not isinstance(cell, nc.FunctionCell | nc.Bidirectional)]


@pytest.mark.parametrize("cell", FILED, ids=str)
def test_a_file_gives_back_the_cell(cell: Any, tmp_path: Path) -> None:
    points = points_of(cell)
    points.save(tmp_path / "points.npz", cell=True)
    found = nc.FixedPoints.load(tmp_path / "points.npz")
    assert same(points, found)
    back: Any = found.cell
    assert type(back) is type(cell)
    np.testing.assert_array_equal(stepped(back), stepped(cell))
    if isinstance(cell, nc.RateRNN | nc.LeakyRNN):
        assert (back.dt, back.activation) == (cell.dt, cell.activation)
        assert (back.factors is None) == (cell.factors is None)
        np.testing.assert_array_equal(back.alpha, cell.alpha)


def test_points_of_both_directions_have_their_cells_in_files(tmp_path: Path) -> None:
    pair = nc.Bidirectional(*(random_network("gru", 3, 2, seed=i).cell() for i in (0, 1)))
    for cell in pair:
        points_of(cell).save(tmp_path / "points.npz", cell=True)
        found = nc.FixedPoints.load(tmp_path / "points.npz").cell
        np.testing.assert_array_equal(stepped(found), stepped(cell))


def test_without_the_cell_files_are_as_before(tmp_path: Path) -> None:
    POINTS.save(tmp_path / "points.npz")
    with np.load(tmp_path / "points.npz") as file:
        assert file["version"] == 2
        assert not any(name.startswith("cell") for name in file.files)
    assert nc.FixedPoints.load(tmp_path / "points.npz").cell is None


class Derived(nc.GRU):
    """A cell that may step in a way of its own."""


def test_cells_that_no_file_holds_are_refused(tmp_path: Path) -> None:
    function = nc.from_function(leaky_function, 3, 3)
    for cell in (function, nc.Stack([function]), Derived(CELL.weight_ih, CELL.weight_hh)):
        points = points_of(cell)
        with pytest.raises(TypeError, match=r"holds no cell of class .* save without the cell"):
            points.save(tmp_path / "points.npz", cell=True)
        points.save(tmp_path / "points.npz")
        (tmp_path / "points.npz").unlink()
        with pytest.raises(TypeError, match="holds no cell of class"):
            nc.linearize(cell, points).save(tmp_path / "modes.npz")
    with pytest.raises(ValueError, match=r"its h must have shape \(n, 5\)"):
        replace(POINTS, cell=WIDER).save(tmp_path / "points.npz", cell=True)
    with pytest.raises(ValueError, match=r"cell must be False where points\.cell is None"):
        replace(POINTS, cell=None).save(tmp_path / "points.npz", cell=True)
    assert list(tmp_path.iterdir()) == []


RECORD = '{"kind": "GRU", "arrays": {}, "options": {}, "layers": []}'


@pytest.mark.parametrize(
    "changes",
    [
        {"cell/arrays/weight_hh": np.ones((12, 5))},
        {"cell/arrays/weight_hh": np.full((12, 4), np.nan)},
        {"cell/arrays/weight_hh": np.ones((12, 4), complex)},
        {"cell/arrays/weight_hh": None},
        {"cell": np.array("no JSON")},
        {"cell": np.array(RECORD)},
        {"cell": np.array(RECORD.replace("GRU", "FunctionCell"))},
        {"cell": np.array(RECORD.replace("GRU", "Stack"))},
        {"cell": np.array(RECORD.replace('"options": {}', '"options": 3'))},
        {"cell": np.array(RECORD.replace('"layers": []', f'"layers": {"[" * 9999}'))},
        {"cell": np.zeros(2)},
        {"h": np.ones((6, 5)), "starts": np.ones((6, 5))},
        {"h": np.ones((6, 4), np.float32)},
        {"inputs": np.ones((6, 3))},
    ],
    ids=", ".join,
)
@pytest.mark.parametrize("held", [POINTS, MODES], ids=["points", "modes"])
def test_a_file_whose_cell_does_not_fit_is_refused(
    held: Any, changes: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "held.npz"
    held.save(path, **({"cell": True} if held is POINTS else {}))
    rewrite(path, **changes)
    with pytest.raises(ValueError, match=r"held.npz is not a file of"):
        type(held).load(path)


# Files of linearizations


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [None, 2])
def test_a_linearization_is_kept_in_a_file(kind: str, k: int | None, tmp_path: Path) -> None:
    cell = random_network(kind, 5, 2, seed=2).cell()
    states = np.random.default_rng(0).normal(size=(3, cell.state_size))
    for inputs in (None, np.ones(2), np.ones((3, 2))):
        modes = nc.linearize(cell, states, inputs, k=k)
        modes.save(tmp_path / "modes.npz")
        found = nc.Linearization.load(tmp_path / "modes.npz")
        assert same(modes, found)
        np.testing.assert_array_equal(modes.J_rec, found.J_rec)
        np.testing.assert_array_equal(modes.J_inp, found.J_inp)


def test_an_empty_linearization_is_kept_too(tmp_path: Path) -> None:
    MODES[:0].save(tmp_path / "modes.npz")
    assert same(nc.Linearization.load(tmp_path / "modes.npz"), MODES[:0])


@pytest.mark.parametrize(
    "changes",
    [
        {"cell": None},
        {"eigenvalues": None},
        {"eigenvalues": np.ones((6, 9), complex)},
        {"eigenvalues": MODES.eigenvalues.real},
        {"left": MODES.left[:, :, :3]},
        {"right": MODES.right[:3]},
        {"time_constants": MODES.time_constants.astype(np.float32)},
        {"stability": np.array(["steady"] * 6)},
        {"h": MODES.h * np.nan},
        {"inputs": MODES.h[:3, :2]},
        {"surprise": np.zeros(3)},
        {"version": np.array(2)},
        {"format": np.array("nullcline.FixedPoints")},
    ],
    ids=", ".join,
)
def test_a_damaged_linearization_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "modes.npz"
    MODES.save(path)
    rewrite(path, **changes)
    with pytest.raises(ValueError, match=r"modes.npz is not a file of a linearization, or it is"):
        nc.Linearization.load(path)


def test_a_linearization_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "modes.npz"
    MODES.save(path)
    before = path.read_bytes()

    def interrupted(file: Any, *_: Any, **__: Any) -> None:
        file.write(b"part")
        raise KeyboardInterrupt

    monkeypatch.setattr(np.lib.format, "write_array", interrupted)
    with pytest.raises(KeyboardInterrupt):
        MODES[:1].save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# Tables


def test_points_are_a_table_of_pandas() -> None:
    pytest.importorskip("pandas")
    table = POINTS.to_dataframe()
    assert list(table.columns) == ["kind", "q", "iterations", "count", "reason"]
    assert table["kind"].tolist() == POINTS.kind.tolist()
    np.testing.assert_array_equal(table["q"], POINTS.q)
    table = CONDITIONS.to_dataframe(states=True, inputs=True)
    assert table.groupby("condition")["count"].sum().to_dict() == {"go": 2, "rest": 2}
    np.testing.assert_array_equal(table[[f"h_{i}" for i in range(4)]], CONDITIONS.h)
    np.testing.assert_array_equal(table[["x_0", "x_1"]], CONDITIONS.inputs)
    assert "x_0" not in POINTS.to_dataframe(inputs=True)
    assert (len(POINTS[0].to_dataframe()), len(POINTS[:0].to_dataframe(states=True))) == (1, 0)


def test_points_are_a_dataset_of_xarray() -> None:
    pytest.importorskip("xarray")
    found = CONDITIONS.to_xarray()
    assert dict(found.sizes) == {"point": 4, "unit": 4, "input": 2}
    assert found["h"].dims == ("point", "unit")
    assert found["inputs"].dims == ("point", "input")
    assert found.attrs == {"tol_unique": 1e-3}
    for name in ("h", "starts", "inputs", "q", "kind", "reason", "iterations", "condition"):
        np.testing.assert_array_equal(found[name], getattr(CONDITIONS, name))
    assert "inputs" not in POINTS[:0].to_xarray()


def test_modes_are_a_table_and_a_dataset() -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("xarray")
    table = MODES.to_dataframe()
    assert len(table) == MODES.eigenvalues.size
    row = table[(table["point"] == 2) & (table["mode"] == 1)].iloc[0]
    assert complex(row["real"], row["imag"]) == MODES.eigenvalues[2, 1]
    assert row["modulus"] == abs(MODES.eigenvalues[2, 1])
    assert (row["time_constant"], row["stability"]) == (MODES.time_constants[2, 1], "stable")
    assert "physical_time_constant" not in table
    found = MODES.to_xarray()
    assert found["right"].dims == ("point", "unit", "mode")
    assert found["left"].dims == ("point", "mode", "unit")
    np.testing.assert_array_equal(found["inputs"], INPUTS)
    one_input = nc.linearize(CELL, STATES, INPUTS[0]).to_xarray()
    np.testing.assert_array_equal(one_input["inputs"], INPUTS[[0] * 6])
    rates = nc.linearize(RATES, np.zeros((1, 3))).to_dataframe()
    np.testing.assert_allclose(rates["physical_time_constant"], 20 * rates["time_constant"])


@pytest.mark.parametrize(
    ("library", "call"),
    [
        ("pandas", POINTS.to_dataframe),
        ("pandas", MODES.to_dataframe),
        ("xarray", POINTS.to_xarray),
        ("xarray", MODES.to_xarray),
    ],
)
def test_a_missing_library_is_named_with_its_extra(
    library: str, call: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModuleNotFoundError, match=rf"{library}.*'nullcline\[tables\]'"):
        call()


# The unit of time


def test_a_stack_has_the_step_that_its_layers_have() -> None:
    assert nc.Stack([RATES]).dt == 20
    other = nc.LeakyRNN(np.ones((2, 3)), np.eye(2) / 2, alpha=0.5, dt=10)
    assert nc.Stack([RATES, other]).dt is None
    plain = random_network("gru", 3, 3).cell()
    assert nc.Stack([RATES, plain]).dt is None
    modes = nc.linearize(nc.Stack([RATES]), np.zeros((1, 3)))
    np.testing.assert_array_equal(modes.physical_time_constants, 20 * modes.time_constants)


def test_a_leak_may_come_with_the_length_of_a_step() -> None:
    cell = nc.LeakyRNN(np.ones((3, 1)), np.eye(3) / 2, alpha=RATES.alpha, dt=20)
    assert same(nc.LeakyRNN(**RATES.arguments()), cell)
    assert nc.linearize(cell, np.zeros((1, 3))).dt == 20
    with pytest.raises(ValueError, match="dt must be positive"):
        nc.LeakyRNN(np.ones((3, 1)), np.eye(3) / 2, alpha=0.5, dt=0)
