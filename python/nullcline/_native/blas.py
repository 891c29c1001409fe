"""SciPy's BLAS and LAPACK, handed to the compiled core on first use; BLAS held at one thread.

Why SciPy's: it is a dependency already, so a wheel of ours carries and links no second BLAS, and
whatever SciPy was built with (OpenBLAS, MKL, Accelerate) is what we run on. The alternative, the
`scipy-openblas32` wheels, holds the very library that SciPy's own wheels bundle: the same
kernels at the same speed, at the price of a second copy of 20 MB and a second pool of threads.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._native import _core
from nullcline._support.forking import fork_safe_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLAS = ("gemm", "gemv", "syrk")
_LAPACK = ("getrf", "getrs", "potrf", "potrs", "syevd")

_lock = fork_safe_lock()
_giving = fork_safe_lock()
_holders: dict[object, int] = {}
"""The blocks that hold BLAS at one thread, each with the thread that is inside it."""

_libraries: list[Any] | None = None
_found: list[tuple[Any, int]] | None = None
"""While there are holders: the libraries that had more threads than one, and how many."""


def give_routines(module: Any) -> None:
    """Give a compiled module its BLAS and LAPACK, SciPy's, unless it has them."""
    with _giving:
        if not module.blas_ready():
            module.blas_init(_capsules())


def _capsules() -> dict[str, object]:
    # Not at import: loading SciPy's LAPACK takes longer than all the rest of `import nullcline`.
    from scipy.linalg import cython_blas, cython_lapack

    capsules: dict[str, object] = {}
    for library, routines in ((cython_blas, _BLAS), (cython_lapack, _LAPACK)):
        api: dict[str, object] = vars(library)["__pyx_capi__"]
        for routine in routines:
            for precision in "sd":
                capsules[precision + routine] = api[precision + routine]
    return capsules


def _load() -> list[Any]:
    """Give the core its routines, and return the libraries whose threads are to be held."""
    from threadpoolctl import ThreadpoolController

    give_routines(_core)
    libraries: list[Any] = ThreadpoolController().select(user_api="blas").lib_controllers
    # The wheels of NumPy and SciPy bring a BLAS each, and torch's stays as the user set it.
    # Elsewhere (conda, a distribution) all share one, which is then the one to hold.
    return [library for library in libraries if _is_of_a_wheel(library)] or libraries


def kinds_of_blas() -> list[str]:
    """Return name, version and kernels of each library of BLAS that NumPy and SciPy call."""
    with one_blas_thread():
        libraries = _libraries or []
        return sorted(
            f"{library.internal_api} {library.version} {getattr(library, 'architecture', '')}"
            for library in libraries
        )


def _is_of_a_wheel(library: Any) -> bool:
    folders = Path(library.filepath).parent.parts
    return any(part.startswith(("numpy", "scipy")) for part in folders)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Load the routines if need be, and keep NumPy's and SciPy's BLAS at one thread inside.

    It is for a block, or as a decorator for a function. Our own threads are spread over states,
    where they cost nothing; a BLAS that splits each small product among threads of its own would
    fight them (a 256 x 256 LU takes three times as long on two threads as on one), and where other
    programs have the processors, its threads would wait for each other at every one. Blocks may
    nest and overlap in several Python threads: the first to enter sets the limit and the last to
    leave restores what it found. A child that is forked meanwhile has the limit only if the thread
    that forks is inside such a block.
    """
    block = object()
    try:
        _hold(block)
        yield
    finally:
        _let_go(block)


def _hold(block: object) -> None:
    global _libraries, _found  # noqa: PLW0603 - one limit for the whole process
    with _lock:
        if _libraries is None:
            _libraries = _load()
        _holders[block] = threading.get_ident()
        if _found is None:
            numbers = [(library, library.get_num_threads() or 1) for library in _libraries]
            _found = [(library, n) for library, n in numbers if n > 1]
            _set_threads([(library, 1) for library, _ in _found])


def _let_go(block: object) -> None:
    """Undo `_hold`, however far an interruption let it come."""
    with _lock:
        _holders.pop(block, None)
        _restore_if_free()


def _restore_if_free() -> None:
    global _found  # noqa: PLW0603 - one limit for the whole process
    if _found is not None and not _holders:
        _set_threads(_found)
        _found = None


def _set_threads(numbers: list[tuple[Any, int]]) -> None:
    """Set how many threads libraries have, whichever thread set that last, and leave it to all.

    threadpoolctl from 3.8 on obeys the first thread that sets OpenBLAS's limit and ignores all
    others without a word, so that a limit set by one thread could not be lifted by another.
    """
    kinds = {type(library) for library, _ in numbers}
    _forget_who_set(kinds)
    for library, n in numbers:
        library.set_num_threads(n)
    _forget_who_set(kinds)


def _forget_who_set(kinds: set[type[Any]]) -> None:
    for kind in kinds:
        forget = getattr(kind, "clear_controlling_thread", None)
        if forget is not None:
            forget(force=True)


def _begin_as_child() -> None:
    """Forget the blocks of threads that a fork has left behind."""
    me = threading.get_ident()
    for block in [block for block, thread in _holders.items() if thread != me]:
        del _holders[block]
    _restore_if_free()


os.register_at_fork(after_in_child=_begin_as_child)
