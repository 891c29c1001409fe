"""One step of every cell in slow, obvious NumPy, from weights in PyTorch's layouts.

States h are (n, H), (n, 2H) as [h, c] for the LSTM; inputs x are (n, D).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from reference import sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def rnn_step(weights: tuple[Array, ...], h: Array, x: Array, nonlinearity: str) -> Array:
    w, u, b, d = weights
    a = x @ w.T + b + h @ u.T + d
    after: Array = np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0)
    return after


def gru_step(weights: tuple[Array, ...], h: Array, x: Array, *, reset_after: bool) -> Array:
    w, u, b, d = weights
    w_r, w_z, w_n = np.split(w, 3)
    u_r, u_z, u_n = np.split(u, 3)
    b_r, b_z, b_n = np.split(b, 3)
    d_r, d_z, d_n = np.split(d, 3)
    r = sigmoid(x @ w_r.T + b_r + h @ u_r.T + d_r)
    z = sigmoid(x @ w_z.T + b_z + h @ u_z.T + d_z)
    recurrent = r * (h @ u_n.T + d_n) if reset_after else (r * h) @ u_n.T + d_n
    n = np.tanh(x @ w_n.T + b_n + recurrent)
    after: Array = (1 - z) * n + z * h
    return after


def lstm_step(weights: tuple[Array, ...], h: Array, x: Array) -> Array:
    w, u, b, d = weights
    output, c = np.split(h, 2, axis=1)
    i, f, g, o = np.split(x @ w.T + b + output @ u.T + d, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return np.hstack([sigmoid(o) * np.tanh(c), c])


def ugrnn_step(weights: tuple[Array, ...], h: Array, x: Array) -> Array:
    w, u, b, d = weights
    c, g = np.split(x @ w.T + b + h @ u.T + d, 2, axis=1)
    after: Array = sigmoid(g) * h + (1 - sigmoid(g)) * np.tanh(c)
    return after
