"""FixedPointFinder's picture: its components, modes as long as it draws them, its trials."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt

from nullcline.compat import fpf
from nullcline.compat.fpf import FixedPoints, plot_fps
from nullcline.plotting import Projection
from testing.drawn import legend, places, rendered, segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

mpl.use("agg")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 5))
TRIALS = RNG.normal(size=(3, 7, 5))


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    plt.close("all")


def points(n_states: int = 5, **columns: Any) -> FixedPoints:
    """Return four points: two stable, one with one mode that grows, one with three or more."""
    jacobians = np.stack([np.diag(np.full(n_states, 0.5)) for _ in range(4)])
    jacobians[2, 0, 0] = 1.5
    jacobians[3] = np.diag(np.resize([-2.0, 3.0, 1.2, 1.1, 0.3], n_states))
    return FixedPoints(**{"xstar": X[:, :n_states], "J_xstar": jacobians, **columns})


def lines(figure: Figure) -> list[NDArray[np.float64]]:
    (ax,) = figure.axes
    return [np.column_stack(line.get_data_3d()) for line in ax.lines]  # type: ignore[attr-defined]


def test_points_and_trials_are_seen_in_the_components_of_all_trials() -> None:
    figure = plot_fps(points(), TRIALS, plot_batch_idx=[2, 0], plot_start_time=-3, plot_stop_time=4)
    axes = Projection.principal(TRIALS.reshape(-1, 5), 3)
    (ax,) = figure.axes
    np.testing.assert_allclose(places(ax, "stable"), axes(X[:2]))
    np.testing.assert_allclose(places(ax, "saddle"), axes(X[2:]))
    (line,) = lines(figure)
    np.testing.assert_allclose(line[:4], axes(TRIALS[2, :4]))
    np.testing.assert_allclose(line[5:], axes(TRIALS[0, :4]))
    assert np.isnan(line[4]).all()
    assert ax.get_xlabel() == axes.labels[0]


def test_modes_are_as_long_as_their_eigenvalues_say() -> None:
    figure = plot_fps(points(), mode_scale=0.1)
    axes = Projection.principal(X, 3)
    (ax,) = figure.axes
    drawn = segments(ax, "modes")
    expected = [
        axes(np.stack([X[i] - reach * np.eye(5)[unit], X[i] + reach * np.eye(5)[unit]]))
        for i, unit, reach in ((2, 0, 0.15), (3, 1, 0.3), (3, 0, 0.2), (3, 2, 0.12))
    ]
    assert len(drawn) == len(expected)  # three of a point at most, and none that decays
    for found, wanted in zip(drawn, expected, strict=True):
        np.testing.assert_allclose(np.sort(found, axis=0), np.sort(wanted, axis=0), atol=1e-12)


def test_decomposed_jacobians_are_not_decomposed_again() -> None:
    plain = points(dtype=np.float64, dtype_complex=np.complex128)
    decomposed = points(dtype=np.float64, dtype_complex=np.complex128)
    decomposed.decompose_jacobians()
    decomposed.J_xstar = None
    for fps in (plain, decomposed):
        (ax,) = plot_fps(fps).axes
        assert (len(places(ax, "stable")), len(places(ax, "saddle"))) == (2, 2)
    assert plain.eigval_J_xstar is None  # what is drawn is not changed


def test_what_is_known_of_points_is_told_apart() -> None:
    kinds = np.array(["fixed", "slow", "unconverged", "fixed"])
    (ax,) = plot_fps(points(kind=kinds)).axes
    assert [len(places(ax, mark)) for mark in ("stable", "slow", "unconverged", "saddle")] == [
        1
    ] * 4
    assert legend(ax)[-1] == "direction that grows"
    (ax,) = plot_fps(FixedPoints(xstar=X)).axes
    assert len(places(ax, "fixed")) == 4
    unknown = points()
    unknown.J_xstar[0] = np.nan
    assert len(places(plot_fps(unknown).axes[0], "undecided")) == 1


def test_points_of_another_class_will_do() -> None:
    foreign = SimpleNamespace(xstar=X, J_xstar=None, eigval_J_xstar=None, eigvec_J_xstar=None)
    (ax,) = plot_fps(foreign).axes  # type: ignore[arg-type]
    assert len(places(ax, "fixed")) == 4


def test_trials_of_an_lstm_may_be_a_pair() -> None:
    pair = SimpleNamespace(h=TRIALS, c=TRIALS + 1)
    whole = FixedPoints(xstar=np.concatenate([X, X], axis=1))
    joined = np.concatenate([TRIALS, TRIALS + 1], axis=2)
    for fps, rows in ((whole, joined), (FixedPoints(xstar=X), TRIALS)):
        axes = Projection.principal(rows.reshape(-1, rows.shape[2]), 3)
        np.testing.assert_allclose(lines(plot_fps(fps, pair))[0][:7], axes(rows[0]))


@pytest.mark.parametrize("n_states", [1, 2])
def test_small_networks_are_drawn_in_a_plane(n_states: int) -> None:
    (ax,) = plot_fps(points(n_states), TRIALS[:, :, :n_states]).axes
    assert ax.name == "rectilinear"
    assert len(places(ax, "stable")) == 2
    if n_states == 2:
        np.testing.assert_array_equal(places(ax, "stable"), X[:2, :2])
        assert ax.get_ylabel() == "unit 1"
    assert len(ax.lines) == 1
    rendered(ax)


def test_the_only_state_of_one_unit_is_the_axis() -> None:
    (ax,) = plot_fps(points(1)).axes
    np.testing.assert_allclose(places(ax, "stable")[:, 0], X[:2, 0])


def test_steps_without_a_number_break_a_trial() -> None:
    broken = TRIALS.copy()
    broken[0, 3, 1] = np.inf
    (line,) = lines(plot_fps(points(), broken, plot_batch_idx=[0]))
    assert np.isnan(line).all(axis=1).tolist() == [i == 3 for i in range(7)]


def test_an_empty_set_is_drawn() -> None:
    figure = plot_fps(points()[np.zeros(4, bool)], TRIALS)
    figure.draw_without_rendering()
    assert not len(places(figure.axes[0], "stable"))


def test_a_figure_that_is_given_is_drawn_on() -> None:
    figure = plt.figure()
    assert plot_fps(points(), fig=figure) is figure
    assert len(plt.get_fignums()) == 1
    assert plot_fps(points()).number == 2
    assert "plot_fps" in dir(fpf)


REFUSED: dict[str, tuple[type[Exception], str, Callable[[], object]]] = {
    "no points": (ValueError, "fps must have xstar", lambda: plot_fps(FixedPoints())),
    "width": (ValueError, r"\(n_batch, n_time, 5\)", lambda: plot_fps(points(), TRIALS[..., :3])),
    "one trial": (ValueError, "state_traj must have shape", lambda: plot_fps(points(), TRIALS[0])),
    "trial": (IndexError, "trials, 0 to 2", lambda: plot_fps(points(), TRIALS, plot_batch_idx=[3])),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_drawn_is_refused(case: str) -> None:
    error, message, call = REFUSED[case]
    with pytest.raises(error, match=message):
        call()
