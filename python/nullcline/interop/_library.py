"""Which library a function computes with, PyTorch or JAX: found by its class, or by trying."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from nullcline.cells._autograd import as_outside as outside_of_torch
from nullcline.cells._autograd import tensor
from nullcline.cells._jax_modes import as_outside as outside_of_jax
from nullcline.cells._jax_row import Row, reads_values
from nullcline.interop._reached import reached_by
from nullcline.interop._undisturbed import undisturbed

if TYPE_CHECKING:
    from nullcline._support.validation import Floats

_OF_JAX = ("jax", "jaxlib", "flax", "equinox")


def is_of_jax(f: Any, h: Floats, x: Floats) -> bool:
    """Whether a function is one of JAX, given a few states and inputs to try it with.

    A function that both libraries take, of operators alone, is one of PyTorch where PyTorch is
    installed.
    """
    if _is_of(type(f), *_OF_JAX):
        return True
    if _is_of(type(f), "torch"):
        return False
    if _torch_takes(f, h, x):
        return False
    if "jax" not in sys.modules:  # by now `f` would have imported it
        return False
    return _jax_takes(f, h, x) or any(True for _ in reached_by(f, _is_jaxs))


def _torch_takes(f: Any, h: Floats, x: Floats) -> bool:
    try:
        import torch
    except ModuleNotFoundError:
        return False
    with undisturbed(f), outside_of_torch():
        try:
            found = f(tensor(x), tensor(h).requires_grad_().clone())
        except Exception:  # noqa: BLE001 - whatever it raises
            return False
    return isinstance(found, torch.Tensor)


def _jax_takes(f: Any, h: Floats, x: Floats) -> bool:
    import jax

    with outside_of_jax(h.dtype):
        try:
            Row(f, h[:1], x[:1])
        except reads_values():
            try:
                return isinstance(f(*map(jax.numpy.asarray, (x, h))), jax.Array)
            except Exception:  # noqa: BLE001 - whatever it raises
                return False
        except Exception:  # noqa: BLE001 - whatever it raises
            return False
    return True


def _is_jaxs(held: object) -> bool:
    """Whether something is JAX's, such as `jax.numpy` or an array."""
    if inspect.ismodule(held):
        return held.__name__.partition(".")[0] in _OF_JAX
    return _is_of(type(held), *_OF_JAX)


def _is_of(kind: type, *libraries: str) -> bool:
    return any(base.__module__.partition(".")[0] in libraries for base in kind.__mro__)
