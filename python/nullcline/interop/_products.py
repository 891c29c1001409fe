"""Which products with derivatives a function has, seen by a few of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from nullcline._support.validation import Floats
    from nullcline.cells._derivatives import Batched

_SAME = {"float64": 1e-6, "float32": 1e-3}
"""By how much products may differ that are the same but for rounding."""

_BY_DIFFERENCES = {"float64": 1e-4, "float32": 3e-2}
"""By how much second derivatives may differ from those by differences."""

IN_SINGLE = 1e-3
"""By how much products in float32 may differ from those in float64."""


def with_second_derivatives(derivatives: Batched, h: Floats, x: Floats, u: Floats) -> Batched:
    """Say of derivatives whether those of uᵀ J can be had, and are right; return them."""
    v = np.roll(u, 1, axis=1)
    pulled = derivatives.vjp(h, x, u)
    try:
        product = derivatives.jvp(h, x, v)
        derivatives.pulls_back_linearly = alike(
            np.sum(u * product, axis=1), np.sum(pulled * v, axis=1), _SAME[h.dtype.name]
        )
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever it raises, there is a longer way
        derivatives.pulls_back_linearly = False
    try:
        bent = derivatives.curvature(h, x, u, v)
        right = derivatives.curvature_by_differences(h, x, u, v)
        derivatives.is_twice_differentiable = alike(bent, right, _BY_DIFFERENCES[h.dtype.name])
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever it raises, there is a longer way
        derivatives.is_twice_differentiable = False
    return derivatives


def takes_single_precision(derivatives: Batched, h: Floats, x: Floats, u: Floats) -> bool:
    """Whether a function of float64 has nearly the same products when it computes in float32."""
    if not derivatives.is_recorded:
        return False
    v = np.roll(u, 1, axis=1)
    narrow_h, narrow_x, narrow_u, narrow_v = (a.astype(np.float32) for a in (h, x, u, v))
    wide = derivatives.linearized(h, x, u)
    derivatives.takes_single = True
    try:
        narrow = derivatives.linearized(narrow_h, narrow_x, narrow_u)
        jacobian = derivatives.jacobian(narrow_h[:1], narrow_x[:1], by=0)
        pulled_once = np.einsum("nj,njk->nk", narrow_u[:1], jacobian)
        found = narrow.pulled, pulled_once, narrow.backward(narrow_v), *narrow.curved(narrow_v)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever it raises, float64 works
        return False
    finally:
        derivatives.takes_single = False
    right = wide.pulled, wide.pulled[:1], wide.backward(v), *wide.curved(v)
    pairs = zip(found, right, strict=True)
    return all(one.dtype == np.float32 and alike(one, other, IN_SINGLE) for one, other in pairs)


def alike(found: Floats, right: Floats, tolerance: float) -> bool:
    """Whether two arrays agree to a tolerance, relative to the largest number if that exceeds 1."""
    scale = float(np.abs(right).max(initial=1))
    return bool(np.allclose(found, right, rtol=0, atol=tolerance * scale))
