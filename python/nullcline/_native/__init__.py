"""The compiled modules, their types, and the BLAS that they are handed."""

from __future__ import annotations

import ctypes


def _is_main_interpreter() -> bool:
    interpreters: list[object] = []
    for name in ("PyInterpreterState_Get", "PyInterpreterState_Main"):
        function = ctypes.pythonapi[name]  # by index: nobody else's, so that its type may be set
        function.restype = ctypes.c_void_p
        interpreters.append(function())
    return interpreters[0] == interpreters[1]


# Loaded in another one, the compiled modules would wait for the GIL for ever.
if not _is_main_interpreter():
    raise ImportError(
        "nullcline cannot be imported in a sub-interpreter (one of the module `interpreters`, or "
        "of mod_wsgi): use a process of its own, or WSGIApplicationGroup %{GLOBAL} in mod_wsgi"
    )
