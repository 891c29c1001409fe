"""What the tests of searches, on the processor and on GPUs, check of their results."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from testing import reference
from testing.gru_samples import random_gru

if TYPE_CHECKING:
    from numpy.typing import NDArray

    import nullcline as nc
    from testing.reference import ReferenceGRU

SOLVERS = ("auto", "lm", "newton", "krylov")
"""The methods that solve for zeros, and go on until rounding stops them."""

METHODS = (*SOLVERS, "gradient")
TOL_SLOW = 1e-6

NETWORKS = {
    "one unit": random_gru(1, 1, gain=4.0, seed=5),
    "two units": random_gru(2, 1, gain=3.0, seed=1),
    "moderate": random_gru(6, 2, gain=1.0, seed=2),
    "strong": random_gru(6, 2, gain=3.0, seed=3),
    "stronger": random_gru(5, 2, gain=6.0, seed=4),
    "larger": random_gru(12, 2, gain=1.5, seed=5),
}


def random_states(n: int, size: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).uniform(-1, 1, (n, size))


def check_labels(gru: ReferenceGRU, points: nc.FixedPoints) -> None:
    """Check every end against the definitions, by the reference's formulas."""
    zero = np.zeros(gru.weight_ih.shape[1])
    for i in range(len(points)):
        h = points.h[i].astype(np.float64)
        x = zero if points.inputs is None else points.inputs[i].astype(np.float64)
        assert (np.abs(h) < 1).all()
        # By roots: F(h) - h, of numbers below 1, is rounded in its last digits.
        speed = np.sqrt(gru.speed(h, x))
        assert np.sqrt(points.q[i]) == pytest.approx(speed, rel=1e-6, abs=1e-15)
        if points.kind[i] == "fixed":
            assert reference.is_zero(gru, h, x)
        elif points.kind[i] == "slow":
            assert 0 < points.q[i] <= TOL_SLOW
            assert reference.stationarity(gru, h, x) <= 1e-5


def check_against_reference(
    gru: ReferenceGRU, starts: NDArray[np.float64], points: nc.FixedPoints
) -> None:
    """Check that the reference, from the same starts, finds the same fixed points."""
    x = np.zeros(gru.weight_ih.shape[1])
    ends = [reference.search(gru, start, x, TOL_SLOW) for start in starts]
    expected = np.array([h for h, kind in ends if kind == "fixed"]).reshape(-1, gru.size)
    found = points.select("fixed").h
    for ours in found:
        assert np.abs(expected - ours).max(axis=1).min() < 1e-6
    for theirs in expected:
        assert np.abs(found - theirs).max(axis=1).min() < 1e-6
    for ours in points.select(np.char.startswith(points.reason, "a local minimum")).h:
        # From a minimum of q that is none, the reference would go on.
        assert np.abs(reference.descend(gru, ours, x) - ours).max() < 1e-3


def assert_equal(left: nc.FixedPoints, right: nc.FixedPoints) -> None:
    """Check that two results are the same, bit for bit."""
    for name in ("h", "q", "kind", "reason", "iterations", "starts"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)


def check_interrupted(script: str) -> None:
    """Check that Ctrl-C ends a script, which says "searching" once it does."""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "searching\n"
        process.send_signal(signal.SIGINT)
        try:
            _, errors = process.communicate()
        finally:
            process.kill()
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in errors
