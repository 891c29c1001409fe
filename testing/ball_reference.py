"""The GRU's reduced residual in ball arithmetic of 400 bits, by python-flint: a second opinion.

Formulas as in a textbook, scalar by scalar; every number encloses the true one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flint import acb_mat, arb, arb_mat, ctx

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from testing.reference import ReferenceGRU

ctx.prec = 400


def logistic(a: Any) -> Any:
    return 1 / (1 + (-a).exp())


def exact(values: NDArray[np.float64]) -> list[Any]:
    return [arb(float(value)) for value in values]


def affine(matrix: NDArray[np.float64], vector: list[Any], bias: NDArray[np.float64]) -> list[Any]:
    return [
        sum((w * v for w, v in zip(exact(row), vector, strict=True)), arb(float(b)))
        for row, b in zip(matrix, bias, strict=True)
    ]


def residual_and_jacobian(
    gru: ReferenceGRU, h: list[Any], x: NDArray[np.float64]
) -> tuple[list[Any], Any]:
    """Return n(h) - h and its Jacobian, for h and the result in balls."""
    size = gru.size
    inputs = affine(gru.weight_ih, exact(x), gru.bias_ih)
    recurrent = affine(gru.weight_hh, h, gru.bias_hh)
    residual, jacobian = [], arb_mat(size, size)
    for i in range(size):
        r = logistic(inputs[i] + recurrent[i])
        a = recurrent[2 * size + i]
        n = (inputs[2 * size + i] + r * a).tanh()
        residual.append(n - h[i])
        for j in range(size):
            w_r, w_n = float(gru.weight_hh[i, j]), float(gru.weight_hh[2 * size + i, j])
            slope = (1 - n * n) * (a * r * (1 - r) * arb(w_r) + r * arb(w_n))
            jacobian[i, j] = slope - (1 if i == j else 0)
    return residual, jacobian


def spectral_radius(matrix: NDArray[np.float64]) -> Any:
    """Return the largest |λ| of a matrix, good to tens of digits."""
    size = len(matrix)
    exactly = acb_mat(arb_mat(size, size, exact(matrix.ravel())))
    return max(abs(value).mid() for value in exactly.eig(algorithm="approx"))


def polish(gru: ReferenceGRU, h: NDArray[np.float64], x: NDArray[np.float64]) -> list[Any]:
    """Return the zero that Newton's method leads to from h, to a hundred digits."""
    state = exact(h)
    for _ in range(9):
        residual, jacobian = residual_and_jacobian(gru, state, x)
        step = jacobian.solve(arb_mat(gru.size, 1, residual))
        state = [(state[i] - step[i, 0]).mid() for i in range(gru.size)]
    return state
