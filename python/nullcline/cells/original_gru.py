"""The gated recurrent unit as it was first published, with the reset gate before the product."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.special import expit

from nullcline.cells._weights import CellWeights
from nullcline.cells.uncompiled import UncompiledCell

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from nullcline._validation import Floats


class OriginalGRU(CellWeights, UncompiledCell):
    """The GRU of Cho et al. (2014), Keras's with `reset_after=False`.

    ::

        r  = σ(W_ir x + b_ir + W_hr h + b_hr)
        z  = σ(W_iz x + b_iz + W_hz h + b_hz)
        n  = tanh(W_in x + b_in + W_hn (r ∘ h) + b_hn)
        h' = F(h, x) = (1 - z) ∘ n + z ∘ h

    A state is h; every fixed point, and every state that is reached from zero, lies in (-1, 1)^H.
    Its Jacobian is no row-scaled sum of its weights, which the compiled cells rest on: the core's
    solvers search it by dense Jacobians that NumPy makes (see `UncompiledCell`), on the processor.

    Parameters
    ----------
    weight_ih
        Input weights, shape (3H, D), in the order r, z, n.
    weight_hh
        Recurrent weights, shape (3H, H).
    bias_ih, bias_hh
        Biases, shape (3H,); None for zeros.

    Raises
    ------
    TypeError
        If an array is neither float64 nor float32.
    ValueError
        If an array holds NaN or infinity, or shapes do not fit each other.
    """

    _gates: ClassVar = ("r", "z", "n")

    def __init__(
        self,
        weight_ih: ArrayLike,
        weight_hh: ArrayLike,
        bias_ih: ArrayLike | None = None,
        bias_hh: ArrayLike | None = None,
    ) -> None:
        self._keep(weight_ih, weight_hh, bias_ih, bias_hh)
        sizes = self.weight_hh.shape[1], self.weight_ih.shape[1]
        super().__init__(*sizes, self.weight_hh.dtype, (-1, 1))
        self._bias = self.bias_ih + self.bias_hh

    def _step(self, h: Floats, x: Floats) -> Floats:
        _, z, n = self._gates_at(h, x)
        return (1 - z) * n + z * h

    def _jacobian(self, h: Floats, x: Floats) -> Floats:
        w_r, w_z, w_n = np.split(self.weight_hh, 3)
        r, z, n = self._gates_at(h, x)
        # ∂(r ∘ h)/∂h
        inner = (h * r * (1 - r))[:, :, None] * w_r
        units = np.arange(self.hidden_size)
        inner[:, units, units] += r
        jacobian = ((1 - z) * (1 - n**2))[:, :, None] * (w_n @ inner)
        jacobian += ((h - n) * z * (1 - z))[:, :, None] * w_z
        jacobian[:, units, units] += z
        return jacobian

    def _input_jacobian(self, h: Floats, x: Floats) -> Floats:
        w_r, w_z, w_n = np.split(self.weight_ih, 3)
        r, z, n = self._gates_at(h, x)
        inner = (h * r * (1 - r))[:, :, None] * w_r
        drive = w_n + np.split(self.weight_hh, 3)[2] @ inner
        change = ((1 - z) * (1 - n**2))[:, :, None] * drive
        jacobian: Floats = change + ((h - n) * z * (1 - z))[:, :, None] * w_z
        return jacobian

    def _gates_at(self, h: Floats, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Return r, z and n, shape (n, H) each."""
        in_r, in_z, in_n = np.split(x @ self.weight_ih.T + self._bias, 3, axis=1)
        w_r, w_z, w_n = np.split(self.weight_hh, 3)
        r, z = expit(in_r + h @ w_r.T), expit(in_z + h @ w_z.T)
        return r, z, np.tanh(in_n + (r * h) @ w_n.T)
