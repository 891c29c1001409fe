"""Frequencies of orbits on invariant circles, by averages with a weight that is flat at both ends.

A mean over N steps of a quasi-periodic orbit converges as 1/N, as it does not end where it began.
With the weights w(t) = exp(-1 / (t (1 - t))) of 0 < t < 1 it converges faster than any power of N,
and of a chaotic orbit no faster than before (Das, Sander, Saiki and Yorke, Nonlinearity 30 (2017)
4111; that the digits to which two halves agree tell the two apart: Sander and Meiss, Physica D 411
(2020) 132569). With the same window a spectral line is found far below the spacing of a Fourier
transform (Laskar, Physica D 67 (1993) 257).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

PADDING = 4
"""The transform is padded to so many times the length, so that Newton's method is near the line."""

NEWTON_STEPS = 20
"""At most: it ends when a step is rounding (`benchmarks.constants`)."""


def weights(n: int) -> Array:
    """Return the weights of n steps, with the sum 1."""
    t = np.arange(1, n + 1) / (n + 1)
    bump = np.exp(-1 / (t * (1 - t)))
    found: Array = bump / bump.sum()
    return found


def agreement(orbit: Array) -> float:
    """Return how far weighted means of two halves of an orbit (N, S) are apart.

    Those of the states, in units of their spread, and those of the squares of their distances from
    the middle, in units of its square, since an orbit that dies away may keep its middle: 1e-5 and
    less on an invariant circle, 1e-2 and more on a chaotic orbit.
    """
    half = len(orbit) // 2
    spread = float(np.sqrt(orbit.var(axis=0).sum()))
    if spread == 0:
        return 0.0
    away = (orbit - orbit.mean(axis=0)) / spread
    seen = np.concatenate([away, np.square(away).sum(axis=1, keepdims=True)], axis=1)
    weight = weights(half)
    means = weight @ seen[:half], weight @ seen[half : 2 * half]
    return float(np.linalg.norm(means[0] - means[1]))


def rotation_number(orbit: Array) -> float:
    """Return the frequency of the strongest line of an orbit (N, S), in turns a step, 0 to 1/2.

    The line is that of the orbit in the plane of its two largest principal components. On an
    invariant circle that winds once round in this plane it is the rotation number, up to a sign and
    whole turns.
    """
    away = orbit - weights(len(orbit)) @ orbit
    _, _, axes = np.linalg.svd(away, full_matrices=False)
    plane = away @ axes[:2].T
    signal = plane[:, 0] + 1j * (plane[:, 1] if plane.shape[1] > 1 else 0)
    n = len(signal)
    weighted = weights(n) * signal
    spectrum = np.abs(np.fft.fft(weighted, PADDING * n))
    omega = 2 * np.pi * int(spectrum.argmax()) / (PADDING * n)
    t = np.arange(n) - n / 2  # about the middle, where the line's phase hardly turns
    for _ in range(NEWTON_STEPS):  # |Σ w z exp(-iωt)|² is largest at the line
        wave = weighted * np.exp(-1j * omega * t)
        value, first, second = wave.sum(), (-1j * t * wave).sum(), (-(t**2) * wave).sum()
        slope = 2 * (value.conjugate() * first).real
        bend = 2 * (abs(first) ** 2 + (value.conjugate() * second).real)
        if bend >= 0:
            break
        step = slope / bend
        omega -= step
        if abs(step) < 1e-15:
            break
    turns = (omega / (2 * np.pi)) % 1.0
    return float(min(turns, 1 - turns))
