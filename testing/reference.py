"""The GRU and the search of its fixed points in slow, obvious NumPy, one state at a time.

Nothing here is shared with the compiled core: formulas are written as in a textbook, every matrix
is formed, every linear system is solved densely in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Vector = NDArray[np.float64]
    Matrix = NDArray[np.float64]

CUBE = 1 - np.finfo(np.float64).eps
"""The largest coordinate of a state inside the open cube (-1, 1)^H."""


def sigmoid(a: Vector) -> Vector:
    return 0.5 * (1 + np.tanh(a / 2))


@dataclass(frozen=True)
class ReferenceGRU:
    """PyTorch's GRU; weights (3H, D), (3H, H) and biases (3H,) in the order r, z, n."""

    weight_ih: Matrix
    weight_hh: Matrix
    bias_ih: Vector
    bias_hh: Vector

    @property
    def size(self) -> int:
        return int(self.weight_hh.shape[1])

    def gates(self, h: Vector, x: Vector) -> tuple[Vector, Vector, Vector, Vector]:
        """Return r, z, n and the part a = W_hn h + b_hn that r multiplies."""
        in_r, in_z, in_n = np.split(self.weight_ih @ x + self.bias_ih, 3)
        re_r, re_z, a = np.split(self.weight_hh @ h + self.bias_hh, 3)
        r, z = sigmoid(in_r + re_r), sigmoid(in_z + re_z)
        return r, z, np.tanh(in_n + r * a), a

    def step(self, h: Vector, x: Vector) -> Vector:
        _, z, n, _ = self.gates(h, x)
        return (1 - z) * n + z * h

    def speed(self, h: Vector, x: Vector) -> float:
        return float(np.mean((h - self.step(h, x)) ** 2))

    def reduced(self, h: Vector, x: Vector) -> Vector:
        return self.gates(h, x)[2] - h

    def jacobian(self, h: Vector, x: Vector) -> Matrix:
        w_r, w_z, w_n = np.split(self.weight_hh, 3)
        r, z, n, a = self.gates(h, x)
        dn = np.diag(1 - n**2) @ (np.diag(a * r * (1 - r)) @ w_r + np.diag(r) @ w_n)
        dz = np.diag(z * (1 - z)) @ w_z
        return np.diag(1 - z) @ dn + np.diag(z) + np.diag(h - n) @ dz

    def input_jacobian(self, h: Vector, x: Vector) -> Matrix:
        w_r, w_z, w_n = np.split(self.weight_ih, 3)
        r, z, n, a = self.gates(h, x)
        dn = np.diag(1 - n**2) @ (np.diag(a * r * (1 - r)) @ w_r + w_n)
        dz = np.diag(z * (1 - z)) @ w_z
        return np.diag(1 - z) @ dn + np.diag(h - n) @ dz

    def reduced_jacobian(self, h: Vector, x: Vector) -> Matrix:
        w_r, _, w_n = np.split(self.weight_hh, 3)
        r, _, n, a = self.gates(h, x)
        dn = np.diag(1 - n**2) @ (np.diag(a * r * (1 - r)) @ w_r + np.diag(r) @ w_n)
        return dn - np.eye(self.size)


def free_units(
    h: Vector, gradient: Vector, low: Vector | float = -CUBE, high: Vector | float = CUBE
) -> NDArray[np.bool_]:
    """Return the units that descent along -gradient would not push through a face of the box."""
    free: NDArray[np.bool_] = ~((h >= high) & (gradient < 0) | (h <= low) & (gradient > 0))
    return free


def levenberg_marquardt(
    residual: Callable[[Vector], Vector],
    jacobian: Callable[[Vector], Matrix],
    start: Vector,
    *,
    low: Vector | float = -CUBE,
    high: Vector | float = CUBE,
    max_iterations: int = 3000,
) -> Vector:
    """Minimize ‖residual‖² over a box, by default the cube, as far as float64 goes.

    Damping follows Nielsen's rule (IMM report 1999-05); steps are projected onto the box.
    """
    h = np.clip(start, low, high)
    damping, growth = 1e-3, 2.0
    for _ in range(max_iterations):
        f, j = residual(h), jacobian(h)
        gradient = j.T @ f
        free = free_units(h, gradient, low, high)
        if np.linalg.norm(gradient[free]) <= 1e-15 * np.linalg.norm(j) * np.linalg.norm(f):
            break
        part = j[:, free]
        scale = np.sum(j**2) / len(h)
        normal = part.T @ part + damping * scale * np.eye(part.shape[1])
        step = np.zeros_like(h)
        step[free] = -np.linalg.solve(normal, gradient[free])
        trial = np.clip(h + step, low, high)
        step = trial - h
        trial_f = residual(trial)
        predicted = float(f @ f - np.sum((f + j @ step) ** 2))
        actual = float(f @ f - trial_f @ trial_f)
        if actual > 0 and predicted > 0:
            h = trial
            damping = max(damping * max(0.1, 1 - (2 * actual / predicted - 1) ** 3), 1e-15)
            growth = 2.0
        else:
            damping *= growth
            growth *= 2
            if damping > 1e15:
                break
    return h


def descend(gru: ReferenceGRU, start: Vector, x: Vector) -> Vector:
    """Return the local minimum of q over the cube that a start leads to."""
    return levenberg_marquardt(
        lambda h: gru.step(h, x) - h,
        lambda h: gru.jacobian(h, x) - np.eye(gru.size),
        start,
    )


def is_zero(gru: ReferenceGRU, h: Vector, x: Vector) -> bool:
    """Whether h is a fixed point as far as float64 can tell, for weights of moderate size."""
    return bool(np.max(np.abs(gru.reduced(h, x))) <= 1e-13)


def stationarity(gru: ReferenceGRU, h: Vector, x: Vector) -> float:
    """Return ‖P Jᵀf‖ / (‖J‖ ‖f‖) for f = F(h) - h: zero at a local minimum of q over the cube.

    P leaves out the units that the cube's face holds; ‖J‖ is the norm of J's terms before any of
    them cancel.
    """
    w_r, w_z, w_n = np.split(gru.weight_hh, 3)
    r, z, n, a = gru.gates(h, x)
    terms = (
        np.diag((1 - z) * (1 - n**2) * a * r * (1 - r)) @ w_r,
        np.diag((1 - z) * (1 - n**2) * r) @ w_n,
        np.diag((h - n) * z * (1 - z)) @ w_z,
        np.diag(z - 1),
    )
    f = gru.step(h, x) - h
    gradient = np.sum(terms, axis=0).T @ f
    projected = np.linalg.norm(gradient[free_units(h, gradient)])
    return float(projected / (np.linalg.norm(terms) * np.linalg.norm(f)))


def search(gru: ReferenceGRU, start: Vector, x: Vector, tol_slow: float) -> tuple[Vector, str]:
    """Return where a start ends and of what kind that is."""
    h = levenberg_marquardt(
        lambda h: gru.reduced(h, x), lambda h: gru.reduced_jacobian(h, x), start
    )
    if not is_zero(gru, h, x):
        h = descend(gru, h, x)
    if is_zero(gru, h, x):
        return h, "fixed"
    if gru.speed(h, x) <= tol_slow and stationarity(gru, h, x) <= 1e-6:
        return h, "slow"
    return h, "unconverged"
