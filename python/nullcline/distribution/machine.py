"""What decides the last bits of a result beside the inputs: the processor, NumPy, SciPy, BLAS."""

from __future__ import annotations

import platform
from functools import cache
from hashlib import sha256
from typing import Any

import numpy as np

from nullcline._native.blas import kinds_of_blas


@cache
def this_machine() -> str:
    """Return a description that is equal where results are, to the last bit."""
    import scipy

    features = _features()
    digest = sha256(" ".join(features).encode()).hexdigest()[:8]
    return (
        f"{platform.machine()} with {len(features)} vector features ({digest}), "
        f"NumPy {np.__version__}, SciPy {scipy.__version__}, {' and '.join(kinds_of_blas())}"
    )


def _features() -> list[str]:
    """Return the instruction sets that NumPy finds on this processor."""
    core: Any = np._core if hasattr(np, "_core") else np.core  # it has no public name
    found: dict[str, bool] = core._multiarray_umath.__cpu_features__
    return sorted(name for name, has in found.items() if has)
