"""An example of everything public that can be held, and what it means that two are the same.

A class that is exported without an example here fails `tests/test_pickles.py`.
"""

from __future__ import annotations

import atexit
import dataclasses
import functools
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

import nullcline as nc
from nullcline.cells import Cell
from nullcline.text import Corpus, Split, WordVectors
from nullcline.training import load_checkpoint
from testing.every_cell import KINDS, random_network
from testing.sweep_jobs import shaky

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"


def leaky_function(x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """Return the next states of a function that pickle knows by its name."""
    return 0.5 * h + 0.5 * torch.tanh(x - h.roll(1, dims=1))


class FastAndSlow(torch.nn.Module):
    """A module whose state is two tensors."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.recur, self.read = torch.nn.Linear(5, 3), torch.nn.Linear(2, 3)

    def forward(
        self, x: torch.Tensor, state: dict[str, torch.Tensor]
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return an output and the next state."""
        slow = 0.9 * state["slow"] + 0.1 * state["fast"][:, :2]
        fast = torch.tanh(self.recur(torch.cat([state["fast"], slow], dim=1)) + self.read(x))
        return fast.sum(1), {"fast": fast, "slow": slow}


def cells() -> Iterator[Any]:
    """Yield every kind of cell in both types, rates with all that they can have, and composites."""
    for kind in KINDS:
        for dtype in (np.float64, np.float32):
            yield random_network(kind, 4, 2, seed=1).cell(dtype)
    rng = np.random.default_rng(2)
    factors = rng.normal(size=(2, 4, 1))
    names = ["tanh", "relu", "softplus", "identity"]
    tau = np.array([3.0, 7.0, 11.0, 13.0])  # dt / tau is rounded, and is to come back to the bit
    for rates in (nc.RateRNN, nc.LeakyRNN):
        yield rates(rng.normal(size=(4, 2)), tuple(factors), dt=0.7, tau=tau, activation=names)
    layers = [random_network(kind, 4, 4, seed=3).cell() for kind in ("lstm", "gru", "rate")]
    yield nc.Stack(layers)
    yield nc.Bidirectional(layers[0], layers[1])
    yield nc.Stack([nc.Bidirectional(layers[1], layers[2])])
    yield nc.from_function(leaky_function, 3, 3, bounds=(-1, 1))
    yield nc.from_module(FastAndSlow(), 2, {"fast": 3, "slow": 2})


def results() -> Iterator[Any]:
    """Yield what analyses return, of one GRU."""
    cell = random_network("gru", 4, 2, seed=4).cell()
    rng = np.random.default_rng(5)
    states = rng.uniform(-1, 1, (12, 4))
    inputs = {"go": np.array([1.0, 0.0]), "rest": np.zeros(2)}
    points = nc.find_fixed_points(cell, states[:5])
    yield points
    under_conditions = nc.find_fixed_points(cell, states[:5], inputs)
    yield under_conditions
    yield stored_points(cell, states[:5])
    yield points.completeness()
    yield under_conditions.completeness()
    yield nc.find_all_fixed_points(cell, inputs, starts=states[:2])
    modes = nc.linearize(cell, points.unique())
    yield modes
    traced = nc.trace(cell, points.unique()[0], max_points=12)
    yield traced
    yield traced.curves[0]
    yield nc.trace_sheet(cell, points.unique()[0], max_vertices=12)
    yield nc.follow_input(cell, points.unique()[0], np.array([1.0, 0.5]), max_points=8)
    yield nc.enumerate_fixed_points(cell)
    flips, rests = (nc.RNN(np.eye(1), np.array([[weight]])) for weight in (-2.0, 0.5))
    yield nc.follow_input(flips, [0.0], [1.0], reach=3.0).bifurcations[0]
    bit = nc.RNN(np.eye(1), np.array([[2.0]]), np.array([0.3]))
    learned = nc.follow_training(
        [rests, bit], [nc.find_fixed_points(one, [[-0.9]]) for one in (rests, bit)]
    )
    yield learned
    yield learned.events[0]
    two = nc.RNN(np.eye(2), 2 * np.eye(2))
    yield nc.fold_curve(two, [0.7, 0.95], [1, 0], [0, 1], [-0.5, 0], max_points=4)
    yield nc.measure_line_attractor(cell, states[:4], states, readout=np.ones(4), n_positions=3)
    yield nc.intrinsic_dimension(np.random.default_rng(3).normal(size=(60, 3)))
    yield nc.class_geometry(states, np.arange(len(states)) % 3)
    yield nc.perturbation_decay(cell, states, 2, steps=3)
    prediction = nc.predict_next_states(modes, states, rng.normal(size=(12, 2)))
    yield prediction
    yield prediction.by_distance(3)
    effects = nc.word_effects(modes, rng.normal(size=(6, 2)), np.ones(4))
    yield effects
    yield effects.rank_correlations(np.arange(6.0))["mode 1"]
    after = (cell, states[:3], rng.normal(size=(6, 2)), np.ones(4), states[5])
    yield nc.context_effects(*after)
    yield nc.context_decay(*after, n_steps=3)
    yield nc.context_modes(modes, *after[1:4])
    yield nc.modifier_subspace(states[:3] - states[5], np.ones(4))
    yield nc.compare_accuracies([True, False, True], [True, True, False])
    yield nc.attribute(cell, rng.normal(size=(5, 2)), np.ones(4), linearization=modes[0])
    yield points.certify()
    yield nc.certify_curve(traced.curves[0], max_arcs=20)
    cycles = nc.find_cycles(random_network("tanh", 4, 2, 3.0, seed=1).cell(), n_steps=100)
    yield cycles
    yield cycles.completeness()
    yield nc.find_attractors(cell, states[:3], n_steps=40, transient=20)
    yield nc.lyapunov_exponents(cell, states[:3], 10, k=2)
    rnn = torch.nn.LSTM(2, 4, bidirectional=True)
    yield from nc.collect_states(rnn, [(torch.ones(3, 2, 2), ["<b>", "no"])], labels=1).values()
    yield from swept()
    yield nc.cuda.Availability("there is none")
    yield nc.cuda.Device(0, "a GPU", (9, 0))


def swept() -> Iterator[Any]:
    """Yield a sweep of a job that fails and of one that does not, and what it is made of."""
    jobs = nc.job_grid(shaky, {"n": range(2)})
    with tempfile.TemporaryDirectory() as folder:
        result = nc.sweep(jobs, out=folder, progress=False, table="csv")
    yield jobs[0]
    yield result
    yield result[1]


def stored_points(cell: Cell, starts: NDArray[np.float64]) -> nc.StoredPoints:
    """Return points in a folder that goes when this process ends."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return nc.search_to_store(cell, starts, store=Path(folder.name) / "points.zarr", chunk_size=2)


def texts_and_runs() -> Iterator[Any]:
    """Yield what texts and trained networks are held as."""
    train, test = Split(("<b>", "é\n"), np.array([0, 1])), Split((), np.zeros(0, np.int64))
    run = load_checkpoint(FIXTURES / "old_files" / "network")
    yield Corpus("<i>", train, test)
    yield train
    yield WordVectors(("a", "b"), np.ones((2, 300), np.float32))
    yield run.vocabulary
    yield run


@functools.cache
def examples() -> dict[str, Any]:
    """Return all of them, each by the name of its class and a number."""
    things = enumerate([*cells(), *results(), *texts_and_runs()])
    return {f"{type(thing).__name__} {i}": thing for i, thing in things}


def same(one: Any, other: Any) -> bool:
    """Tell whether two things are the same to the bit, whatever processes they have been in."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, one.dtype.kind in "fc")
    if isinstance(one, nc.StoredPoints):
        one, other = (one.store, one.load()), (other.store, other.load())
    if isinstance(one, Cell):
        return np.array_equal(stepped(one), stepped(other)) and repr(one) == repr(other)
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one)]
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def stepped(cell: Any) -> Any:
    """Return where a cell goes from some states."""
    rng = np.random.default_rng(0)
    h = rng.normal(size=(3, cell.state_size)).astype(cell.dtype)
    return cell.step(h, rng.normal(size=(3, cell.input_size)).astype(cell.dtype))


def returned(things: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return things as a worker has got them, and where their cells step there."""
    steps = {name: stepped(thing) for name, thing in things.items() if isinstance(thing, Cell)}
    return things, steps
