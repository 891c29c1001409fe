"""Which states are minima of the speed q in a box, by a test of second order; and the way to one.

A gradient that is small beside what it is made of does not make a minimum: it is so on a gentle
slope, at a saddle or a maximum, and near a zero of multiplicity, where q and all its derivatives
vanish together. What tells them apart is how far q would still fall: the decrement gᵀ H⁻¹ g / 2 of
Newton's method on q, with gradient g and Hessian H of the units that no face of the box holds (Boyd
and Vandenberghe, Convex Optimization, 9.5.1), as a part of q. At a minimum H is positive definite,
the decrement is small, and q rises along the softest direction.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from nullcline.search.speed import Doubles, Speed

DECREMENT = 1e-4
"""The part of q by which it may fall from a minimum to where its model has one. At ends of searches
of trained networks it is below 1e-7; on slopes and near zeros of multiplicity it is above 0.05."""

_ROUNDING = 1e-13
"""By how much the least eigenvalue of a Hessian with a diagonal of ones may come out wrong."""

_SHARE = 1e-4
"""The part of the predicted fall of q that a step must keep (as in the compiled solvers)."""

_LEAST_DAMPING, _LARGEST_DAMPING, _GROWTH = 1e-8, 1e6, 10.0
"""Of the scaled Hessian: the first after none, the last, and the factor between two."""

_LITTLE, _MOST_SMALL = 1 - DECREMENT, 5
"""A descent gives up after so many steps that leave nearly all of q, as about a kink."""

_INVERSE_ITERATIONS = 4
"""Each makes the softest direction purer by the ratio of the two least eigenvalues."""

_REACHES = 2.0 ** np.arange(-10, 0)
"""How far along the softest direction q is tried, in units of the state's own, or of 1."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """The box of one state, shape (S,) each: infinite where a number is no output, or unbounded."""

    low: Doubles
    high: Doubles
    touch: float
    """How close to a face, relative to its place, a state is on it."""

    def held(self, h: Doubles, gradient: Doubles) -> np.ndarray:
        """Return which numbers of a state a face keeps from descending, shape (S,)."""
        at_low = h - self.low <= self.touch * _size(self.low)
        at_high = self.high - h <= self.touch * _size(self.high)
        held: np.ndarray = (at_low & (gradient > 0)) | (at_high & (gradient < 0))
        return held

    def clip(self, h: Doubles) -> Doubles:
        """Return the nearest state within."""
        return np.clip(h, self.low, self.high)


def _size(bound: Doubles) -> Doubles:
    """Return the size of finite bounds, at least 1; and 1 where there is none."""
    return np.maximum(np.abs(bound, where=np.isfinite(bound), out=np.ones_like(bound)), 1)


class Model:
    """The quadratic model of q at one state, over its free units.

    Hessians are scaled to a diagonal of ones first: units behind closed gates hardly move q, and
    are as good as others.
    """

    def __init__(self, h: Doubles, q: float, gradient: Doubles, hessian: Doubles, box: Bounds):
        self.h, self.q = h, q
        self.free = np.flatnonzero(~box.held(h, gradient))
        self.gradient = gradient[self.free]
        self.hessian = hessian[np.ix_(self.free, self.free)]

    @cached_property
    def _scales(self) -> Doubles:
        roots = np.sqrt(np.abs(np.diag(self.hessian)))
        return np.where(roots > 0, roots, 1)

    @cached_property
    def _scaled(self) -> Doubles:
        scaled: Doubles = self.hessian / np.outer(self._scales, self._scales)
        return scaled

    @property
    def has_softest(self) -> bool:
        """Whether there is a direction of least curvature: a free unit, and nothing overflows."""
        return len(self.free) > 0 and bool(np.isfinite(self.hessian).all())

    def factor(self, damping: float = _ROUNDING) -> Doubles | None:
        """Return the lower Cholesky factor of the scaled Hessian + damping; None if indefinite."""
        from scipy.linalg import lapack

        if len(self.free) == 0:
            return self._scaled
        factor, info = lapack.dpotrf(
            self._scaled + damping * np.eye(len(self.free)), lower=1, overwrite_a=1
        )
        return factor if info == 0 else None

    def solve(self, factor: Doubles, right: Doubles) -> Doubles:
        """Return H⁻¹ b for b of shape (free,) or (free, n)."""
        from scipy.linalg import lapack

        if len(self.free) == 0:
            return right
        scales = self._scales.reshape(-1, *[1] * (right.ndim - 1))
        solution, _ = lapack.dpotrs(factor, right / scales, lower=1)
        solved: Doubles = solution / scales
        return solved

    def whole(self, step: Doubles) -> Doubles:
        """Return a step of the free units as one of the state."""
        full = np.zeros(len(self.h))
        full[self.free] = step
        return full

    def predicted(self, step: Doubles) -> float:
        """Return by how much the model says that a step of the state lowers q."""
        part = step[self.free]
        return float(-(self.gradient @ part) - part @ (self.hessian @ part) / 2)

    def softest(self, factor: Doubles | None) -> Softest:
        """Return the direction of least curvature of the scaled Hessian."""
        from scipy.linalg import eigh, lapack

        if factor is None:
            _, vectors = eigh(self._scaled, subset_by_index=[0, 0])
            soft = vectors[:, 0]
        else:  # by inverse iteration: a direction that is soft enough will do
            soft = np.cos(np.arange(len(self.free), dtype=np.float64) ** 2)
            for _ in range(_INVERSE_ITERATIONS):
                soft, _ = lapack.dpotrs(factor, soft / np.linalg.norm(soft), lower=1)
            soft = soft / np.linalg.norm(soft)
        step = soft / self._scales
        curvature = float(soft @ (self._scaled @ soft))
        return Softest(self.whole(step / np.linalg.norm(step)), curvature)


class Softest(NamedTuple):
    """A unit direction of the state, and the scaled Hessian's curvature along it."""

    direction: Doubles
    curvature: float


def model_at(speed: Speed, h: Doubles, x: Doubles, box: Bounds) -> Model:
    """Return the model of q at one state."""
    slope = speed.slope(h[None], x[None])
    return Model(h, slope.q[0], slope.gradient[0], speed.hessian(h[None], x[None])[0], box)


def is_minimum(model: Model, factor: Doubles | None) -> bool:
    """Whether the Hessian, of this factor, is positive definite and q would hardly fall."""
    if factor is None:
        return False
    decrement = model.gradient @ model.solve(factor, model.gradient) / 2
    return bool(decrement <= DECREMENT * model.q)


def is_minimum_by_products(speed: Speed, h: Doubles, x: Doubles, box: Bounds, most: int) -> bool:
    """Whether conjugate gradients find no negative curvature, and no way for q to fall.

    The decrement grows with every iteration, of which there are `most`: it is bounded from below.
    """
    slope = speed.slope(h[None], x[None])
    free = ~box.held(h, slope.gradient[0])
    residual = slope.gradient[0] * free
    direction, decrement = residual, 0.0
    for _ in range(most):
        square = float(residual @ residual)
        if square == 0:
            break
        product = speed.hessian_product(h, x, direction) * free
        curvature = float(direction @ product)
        if curvature <= 0:
            return False
        length = square / curvature
        decrement += length * square / 2
        if decrement > DECREMENT * slope.q[0]:
            return False
        residual = residual - length * product
        direction = residual + (residual @ residual) / square * direction
    return True


def lower_on_the_softest_line(
    speed: Speed, model: Model, soft: Softest, x: Doubles, box: Bounds
) -> Doubles | None:
    """Return the lowest of the states to which q falls all the way; None if it falls to none."""
    unit = max(1.0, float(np.abs(model.h).max())) * soft.direction

    def at(reaches: Doubles) -> tuple[Doubles, Doubles]:
        states = box.clip(model.h + reaches[:, None] * unit)
        return states, speed.at(states, np.tile(x, (len(states), 1)))

    _, nearest = at(_REACHES[0] * np.array([1.0, -1.0]))
    for sign in np.array([1, -1])[nearest < model.q]:  # at a minimum it is none of them
        states, q = at(sign * _REACHES)
        rises = np.flatnonzero(~(q < np.concatenate([[model.q], q[:-1]])))
        last = (rises[0] if len(rises) else len(q)) - 1
        if last >= 0 and q[last] <= (1 - DECREMENT) * model.q:
            lowest: Doubles = states[last]
            return lowest
    return None


class Descent(NamedTuple):
    """Where a descent ended, whether that is a minimum, and after how many steps."""

    h: Doubles
    is_minimum: bool
    steps: int


def descend(speed: Speed, h: Doubles, x: Doubles, box: Bounds, most: int) -> Descent:
    """Descend q by at most so many steps of Newton's method, damped where that takes it down."""
    damping, n_small = _ROUNDING, 0
    for n in range(most + 1):
        model = model_at(speed, h, x, box)
        factor = model.factor()
        minimum = is_minimum(model, factor)
        further = None
        if (minimum or factor is None) and model.has_softest:
            further = lower_on_the_softest_line(speed, model, model.softest(factor), x, box)
        if minimum and further is None:
            return Descent(h, is_minimum=True, steps=n)
        if further is None:
            further, damping = _damped_step(speed, model, damping, x, box)
        n_small += further is not None and speed.at(further[None], x[None])[0] > _LITTLE * model.q
        if further is None or n == most or n_small > _MOST_SMALL:
            return Descent(h, is_minimum=False, steps=n)
        h = further
    raise AssertionError  # the loop returns


def _damped_step(
    speed: Speed, model: Model, damping: float, x: Doubles, box: Bounds
) -> tuple[Doubles | None, float]:
    """Return the state that an acceptable step leads to, and the damping for the next one."""
    while damping < _LARGEST_DAMPING:
        factor = model.factor(damping)
        if factor is not None:
            step = model.whole(model.solve(factor, -model.gradient))
            trial = box.clip(model.h + step)
            predicted = model.predicted(trial - model.h)
            fall = model.q - speed.at(trial[None], x[None])[0]
            if predicted > 0 and fall > _SHARE * predicted:
                return trial, max(damping / _GROWTH, _ROUNDING)
        damping = max(damping * _GROWTH, _LEAST_DAMPING)
    return None, damping
