"""SciPy's BLAS is called only where its capsules say what the core expects of it."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from nullcline._native import _core, blas

_name_of = ctypes.pythonapi["PyCapsule_GetName"]
_name_of.restype, _name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
_new = ctypes.pythonapi["PyCapsule_New"]
_new.restype = ctypes.py_object
_new.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]

ROUTINES = blas._capsules()


def declared(routine: str) -> bytes:
    return bytes(_name_of(ROUTINES[routine]))


def refused(routine: str, signature: bytes) -> str:
    """Return why the core does not take a routine that is declared like this."""
    kept = ctypes.create_string_buffer(signature)  # a capsule does not copy its name
    changed: dict[str, Any] = {**ROUTINES, routine: _new(1, ctypes.addressof(kept), None)}
    with pytest.raises(ValueError, match="has the signature") as error:
        _core.blas_init(changed)
    return str(error.value)


@pytest.mark.parametrize("routine", sorted(ROUTINES))
def test_every_routine_of_this_scipy_is_declared_as_the_core_calls_it(routine: str) -> None:
    assert declared(routine).startswith(b"void (")
    _core.blas_init(ROUTINES)


@pytest.mark.parametrize("integer", [b"int64_t *", b"long *", b"__pyx_t_5scipy_6linalg_blas_int *"])
@pytest.mark.parametrize("routine", ["dgemm", "sgetrf", "dsyevd"])
def test_integers_of_64_bits_are_refused(routine: str, integer: bytes) -> None:
    assert "32 bits" in refused(routine, declared(routine).replace(b"int *", integer))


def test_another_number_of_arguments_is_refused() -> None:
    refused("dgemm", declared("dgemm").replace(b", int *)", b", int *, int *)"))


def test_the_other_precision_is_refused() -> None:
    refused("dgemm", declared("dgemm").replace(b"blas_d *", b"blas_s *"))


def test_what_is_no_capsule_or_missing_is_named() -> None:
    with pytest.raises(TypeError, match="dpotrf is not a capsule"):
        _core.blas_init({**ROUTINES, "dpotrf": 1})
    without = {name: routine for name, routine in ROUTINES.items() if name != "ssyrk"}
    with pytest.raises(ValueError, match="no capsule for ssyrk"):
        _core.blas_init(without)
