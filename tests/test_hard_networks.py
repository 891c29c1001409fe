"""Searches of networks that are hard in one way or another: by counts, since times are no test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import nullcline as nc
from benchmarks.members import GATES, SMALL, Member, TorchNetwork, members, random_member, read
from benchmarks.population import HALVES, METHODS, against_the_fastest, measure, tables

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SMALL_ONES = sorted(SMALL.glob("*.safetensors"))

STRONG = [(kind, size) for kind in GATES for size in (32, 64)]


def strong(kind: str, size: int) -> Member:
    return random_member(kind, size, 5.0, visited=False)


def search(member: Member, n: int, method: str = "auto", **options: Any) -> Any:
    return member.cell().compiled.search(member.starts[:n], method=method, **options)


@pytest.mark.parametrize(("kind", "size"), STRONG)
def test_what_takes_wide_subspaces_goes_on_with_dense_factors(kind: str, size: int) -> None:
    """Directions cost what as many steps by factors would, and two steps more, in either pass."""
    found = search(strong(kind, size), 12)
    affordable = max(0.1 * size, 6) * (np.asarray(found.iterations) + 2)
    assert found.n_products / 12 <= 2 * affordable.mean() + 60
    assert found.n_products / 12 <= 0.5 * search(strong(kind, size), 12, "krylov").n_products / 12


@pytest.mark.parametrize("kind", list(GATES))
def test_a_start_of_a_hard_network_does_not_depend_on_the_others(kind: str) -> None:
    member = strong(kind, 48)
    together = search(member, 12)
    for part in (slice(0, 1), slice(3, 10)):
        alone = member.cell().compiled.search(member.starts[:12][part], method="auto", n_threads=1)
        assert np.array_equal(alone.h, together.h[part])
        assert np.array_equal(alone.iterations, together.iterations[part])


@pytest.mark.parametrize("path", SMALL_ONES, ids=lambda path: path.stem)
def test_trained_networks_take_few_products(path: Path) -> None:
    found = search(read(path), 40)
    assert np.median(found.iterations) <= 35
    assert found.n_products / 40 <= 110
    assert np.all(found.kind != nc.search.KINDS.index("unconverged"))


def speed_gradient(cell: Any, h: NDArray[Any]) -> NDArray[Any]:
    f = cell.step(h) - h
    j = cell.jacobian(h) - np.eye(h.shape[1])
    gradient: NDArray[Any] = np.einsum("nij,ni->nj", j, f) * 2 / h.shape[1]
    return gradient


@pytest.mark.parametrize("method", ["auto", "lm", "krylov"])
def test_a_minimum_on_faces_is_one_in_the_box(method: str) -> None:
    """Free units have no slope, and units on a face descend only out of the box."""
    on_faces = 0
    for size in (16, 24, 32):
        member = random_member("rnn", size, 3.0, visited=False)
        cell = member.cell()
        points = nc.find_fixed_points(cell, member.starts[:30], method=method)
        minima = points.h[np.isin(points.kind, ("slow", "minimum"))]
        gradient = speed_gradient(cell, minima)
        scale = np.sqrt(cell.speed(minima) / size)[:, None]
        high, low = minima > 1 - 1e-12, minima < -1 + 1e-12
        assert np.all(np.abs(gradient / scale)[~high & ~low] < 1e-4)
        assert np.all(gradient[high] <= 0)
        assert np.all(gradient[low] >= 0)
        on_faces += int((high | low).any(axis=1).sum())
    assert on_faces >= 10


@pytest.mark.parametrize("method", ["auto", "krylov"])
def test_second_derivatives_come_before_a_step_gains_little(method: str) -> None:
    """By such steps alone it would take 19 and 21 iterations."""
    member = read(SMALL / "imdb-gru-64-s1.safetensors")
    found = member.cell().compiled.search(member.starts[:40], method=method)
    ghosts = found.kind != nc.search.KINDS.index("fixed")
    assert ghosts.sum() >= 20
    assert np.median(found.iterations[ghosts]) <= 17


@pytest.mark.parametrize("method", ["auto", "krylov"])
def test_a_search_from_a_ridge_of_q_leaves_it(method: str) -> None:
    """Every unit by itself, midway between two of its zeros, where its residual is largest."""
    size, weight, bias = 40, 2.0, 0.1
    w_h = np.zeros((3 * size, size))
    w_h[2 * size :] = weight * np.eye(size)
    b_i = np.repeat([0.0, 0.0, bias], size)
    b_i[:size] = 20.0  # the reset gate is open
    cell = nc.GRU(np.zeros((3 * size, 1)), w_h, b_i, np.zeros(3 * size))
    ridge = (np.arctanh(np.sqrt(1 - 1 / weight)) - bias) / weight
    found = cell.compiled.search(np.full((1, size), ridge), method=method)
    assert nc.search.KINDS[found.kind[0]] == "fixed"


@pytest.mark.parametrize("kind", list(GATES))
def test_finders_module_takes_the_cells_step(kind: str) -> None:
    member = random_member(kind, 32, 1.0, visited=False)
    states = torch.from_numpy(member.starts[:5]).float()
    with torch.no_grad():
        out, after = TorchNetwork(member)(torch.zeros(5, 1, 1), states[None])
    assert np.allclose(after[0].numpy(), member.cell().step(member.starts[:5]), atol=1e-5)
    assert torch.equal(out[:, 0], after[0])


def test_starts_of_a_function_have_each_their_own_matrix() -> None:
    """A rejected step is solved again with the Jacobian of its own start, not of another one."""
    member = strong("rnn", 8)
    w, b = torch.from_numpy(member.weight_hh), torch.from_numpy(member.bias)

    def step(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        return torch.tanh(h @ w.T + b + 0 * x)

    cell = nc.from_function(step, 8, 1)
    together = nc.find_fixed_points(cell, member.starts[:5], method="lm")
    alone = [nc.find_fixed_points(cell, start[None], method="lm") for start in member.starts[:5]]
    h, iterations = (
        np.concatenate([getattr(p, name) for p in alone]) for name in ("h", "iterations")
    )
    np.testing.assert_allclose(together.h, h, rtol=0, atol=1e-6)  # minima
    # A row's products by PyTorch differ in the last bits with how many rows there are.
    np.testing.assert_allclose(together.iterations, iterations, rtol=0, atol=3)


def test_a_member_is_measured_by_every_method_and_shown() -> None:
    row = measure(random_member("rnn", 32, 1.0, visited=True), rounds=1)
    assert all(row[method]["kinds"]["fixed"] == row[method]["starts"] for method in METHODS)
    assert against_the_fastest(row) >= 1
    found = tables({"it": row})
    assert f"\n| **{HALVES[row['half']]}** | 1 |" in found["population"]
    assert "\n| it |" in found[f"population-{row['half']}"]


def test_either_half_has_every_kind_of_network() -> None:
    halves = {(member.half, member.kind) for member in members()}
    assert halves == {(half, kind) for half in ("chosen_by", "reported") for kind in GATES}
