"""The leaky network of rates."""

from __future__ import annotations

from nullcline.cells.rate_cell import RateCell


class LeakyRNN(RateCell):
    """The leaky network of rates, the echo-state network's and neuroscience's most used one.

    ::

        h' = F(h, x) = (1 - α) h + α φ(W h + U x + b)

    (Jaeger, Lukoševičius, Popovici and Siewert, Neural Networks 20 (2007) 335, eq. 2; with α = dt/τ
    Euler's step of τ dh/dt = -h + φ(W h + U x + b), as in Mante et al., Nature 503 (2013) 78.) With
    α = 1 it is an `RNN`. A state is h, and stays in the range of φ. The reduced residual is φ(W h +
    U x + b) - h: fixed points do not depend on α, but their Jacobians do.

    Parameters
    ----------
    weight_ih
        Input weights U, shape (H, D).
    weight_hh
        Recurrent weights W, shape (H, H); or factors (M, N), each of shape (H, R), of W = M Nᵀ.
    bias
        b, shape (H,); None for zeros.
    alpha
        The leak α, 0 < α <= 1: a number, or one per unit, shape (H,).
    activation
        φ: "tanh", "relu", "logistic", "softplus", "hard_tanh", "identity" or "rectified_tanh"; or
        one per unit, as for networks of excitatory and inhibitory units.
    dt, tau
        Instead of `alpha`: the length of a step and the time constants, in one unit of time.

    See Also
    --------
    nullcline.cells.RateCell : What each argument may be, and what is refused.
    nullcline.cells.CompiledCell : What methods take.

    Examples
    --------
    >>> cell = nc.LeakyRNN(u, w, b, alpha=0.1, activation="softplus")  # doctest: +SKIP
    >>> cell = nc.LeakyRNN(u, w, b, dt=20, tau=100)  # doctest: +SKIP
    """

    _kind = "leaky_rnn"
