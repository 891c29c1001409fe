"""SciPy's BLAS and LAPACK, handed to the compiled core on first use and held at one thread.

Why SciPy's: it is a dependency already, so a wheel of ours carries and links no second BLAS, and
whatever SciPy was built with (OpenBLAS, MKL, Accelerate) is what we run on. The alternative, the
`scipy-openblas32` wheels, holds the very library that SciPy's own wheels bundle: the same
kernels at the same speed, at the price of a second copy of 20 MB and a second pool of threads.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._native import _core

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLAS = ("gemm", "gemv", "syrk")
_LAPACK = ("getrf", "getrs", "potrf", "potrs", "syevd")

_lock = threading.Lock()
_holders = 0
_libraries: Any = None
_limit: Any = None


def _load() -> Any:
    """Give the core its routines, and find the libraries whose threads are to be held."""
    # Not at import: loading SciPy's LAPACK takes longer than all the rest of `import nullcline`.
    from scipy.linalg import cython_blas, cython_lapack
    from threadpoolctl import ThreadpoolController

    capsules: dict[str, object] = {}
    for module, routines in ((cython_blas, _BLAS), (cython_lapack, _LAPACK)):
        api: dict[str, object] = vars(module)["__pyx_capi__"]
        for routine in routines:
            for precision in "sd":
                capsules[precision + routine] = api[precision + routine]
    _core.blas_init(capsules)

    libraries = ThreadpoolController().select(user_api="blas")
    # SciPy's wheels bring a BLAS of their own, and NumPy's and torch's stay as the user set them.
    # Elsewhere (conda, a distribution) all share one, which is then the one to hold.
    own = [
        entry["filepath"]
        for entry in libraries.info()
        if any(part.startswith("scipy") for part in Path(entry["filepath"]).parent.parts)
    ]
    return libraries.select(filepath=own) if own else libraries


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Load the routines if need be, and keep BLAS at one thread inside the block.

    Our own threads are spread over states, where they cost nothing; a BLAS that splits each small
    product among threads of its own would fight them (a 256 x 256 LU takes three times as long on
    two threads as on one). Blocks may nest and overlap in several Python threads: the first to
    enter sets the limit and the last to leave restores what it found.
    """
    global _holders, _libraries, _limit  # noqa: PLW0603 - one limit for the whole process
    with _lock:
        if _libraries is None:
            _libraries = _load()
        if _holders == 0:
            with _in_control():
                _limit = _libraries.limit(limits=1)
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0:
                with _in_control():
                    _limit.restore_original_limits()
                _limit = None


@contextmanager
def _in_control() -> Iterator[None]:
    """Let this thread set limits, whichever set them last, and leave that open to all afterwards.

    threadpoolctl from 3.8 on obeys the first thread that sets OpenBLAS's limit and ignores all
    others without a word, so that a limit set by one thread could not be lifted by another.
    """
    _clear_control()
    try:
        yield
    finally:
        _clear_control()


def _clear_control() -> None:
    for library in _libraries.lib_controllers:
        clear = getattr(library, "clear_controlling_thread", None)
        if clear is not None:
            clear(force=True)
