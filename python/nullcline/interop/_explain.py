"""Why a function cannot be a cell, in a sentence that says what to do."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.interop._undisturbed import held_by

if TYPE_CHECKING:
    import torch

    from nullcline._support.validation import Floats
    from nullcline.cells._derivatives import Batched, Step

_NUMPY = "NumPy, which has no derivatives: write it with torch's operations and tensors"
_OTHERS = {
    "numpy": _NUMPY,
    "tensorflow": "TensorFlow, and from_function takes those of PyTorch: use torch's operations",
}
"""What is said of a function that returns arrays of another library."""

UNRELATED = (
    "f must be differentiable by PyTorch in its states: what it returned does not depend "
    "on them through operations that autograd records (no detach, no_grad, inference_mode or NumPy)"
)
"""What is said of a function that no derivative leads through."""

_KNOWN = {
    "call numpy() on Tensor": f"f uses {_NUMPY}",
    "nference tensor": (
        "f must be differentiable by PyTorch, and has inference tensors for weights: make them "
        "outside of torch.inference_mode(), or take clones, w.clone()"
    ),
    "not have been used": UNRELATED,
    "donated buffers": (
        "f must be differentiable by PyTorch more than once, and is compiled by torch.compile, "
        "whose backward passes run only once: use what was compiled, module._orig_mod, or the "
        "function before it was"
    ),
}
"""Words of PyTorch's own errors, and what they mean here."""


def why_it_fails(plain: Batched, error: Exception, h: Floats, x: Floats) -> Exception:
    """Return what to raise where `f` raised `error` at its first call."""
    import torch

    f = plain.f
    if str(error).startswith("f must"):  # by `require_states`
        return error
    if other := of_another_library(f, h, x):
        return TypeError(other)
    if _is_known(error):
        return why_not_differentiable(error)
    if isinstance(f, torch.nn.RNNBase | torch.nn.LSTMCell):
        return TypeError(
            f"f, of class {type(f).__name__}, takes no rows of states: nullcline.from_module(f) "
            "makes a cell of it; or pass a function that takes and returns states, (n, S)"
        )
    double = h.dtype == np.float64
    other_type = np.dtype(np.float32 if double else np.float64)
    if _works(plain, h.astype(other_type), x.astype(other_type)):
        return TypeError(
            f"f does not take {h.dtype}, and takes {other_type}, the type of its weights: convert "
            f"them by {'.double()' if double else '.float()'}, or say dtype={other_type}"
        )
    return RuntimeError(
        f"f raised {said(error)}, for inputs of shape {x.shape} and states of shape {h.shape}, "
        f"{h.dtype}: it must take any number of rows of these sizes{in_training(f)}"
        f"{_as_it_may_be_meant(f, plain.tensor(h), plain.tensor(x))}"
    )


def why_not_differentiable(error: Exception) -> TypeError:
    """Return what to raise where PyTorch's autograd raised `error`."""
    for words, sentence in _KNOWN.items():
        if words in str(error):
            return TypeError(sentence)
    return TypeError(f"f must be differentiable by PyTorch, whose autograd raised {said(error)}")


def why_not_the_same(plain: Batched, h: Floats, x: Floats) -> str:
    """Return a sentence for a function that returned two things for one."""
    import torch

    def following() -> object:
        torch.manual_seed(0)
        random.seed(0)
        np.random.seed(0)  # noqa: NPY002 - what functions draw from
        with torch.no_grad():
            return plain.f(plain.tensor(x), plain.tensor(h))

    first, second = following(), following()
    if isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor):
        if torch.equal(first, second):
            return "f must return the same for the same, and is random: leave out its noise" + (
                in_training(plain.f) or ", and put modules with dropout in eval()"
            )
        return (
            "f must return the same for the same, and carries a state from one call to the next: "
            "pass on what it keeps as part of its states" + in_training(plain.f)
        )
    return "f must return the same for the same"


def in_training(f: Step) -> str:
    """Return a clause that names modules of `f` which behave otherwise in training, if any do."""
    import torch

    names = {
        type(part).__name__
        for held in held_by(f)
        if isinstance(held, torch.nn.Module)
        for part in held.modules()
        if part.training and _behaves_otherwise(part)
    }
    if not names:
        return ""
    return f"; it has {', '.join(sorted(names))} in training mode: call module.eval() before"


def _behaves_otherwise(module: torch.nn.Module) -> bool:
    """Whether a module draws numbers or uses statistics of the batch while it is trained."""
    import torch

    kinds = torch.nn.modules.batchnorm._NormBase, torch.nn.modules.dropout._DropoutNd
    return isinstance(module, kinds) or bool(
        isinstance(module, torch.nn.RNNBase) and module.dropout
    )


def _is_known(error: Exception) -> bool:
    return any(words in str(error) for words in _KNOWN)


def of_another_library(f: Step, h: Floats, x: Floats) -> str | None:
    """Return a sentence if `f` is a function of arrays of another library than PyTorch."""
    of_arrays: Any = f
    try:
        found = of_arrays(x.copy(), h.copy())
    except Exception:  # noqa: BLE001 - whatever it raises: it is not one
        return None
    other = _OTHERS.get(type(found).__module__.partition(".")[0])
    return None if other is None else f"f is a function of {other}"


def _as_it_may_be_meant(f: Any, h: torch.Tensor, x: torch.Tensor) -> str:
    """Return a clause for a function that takes the same in another way, if it does."""
    if _returns(h[0], f, x[0], h[0]):
        return "; it takes a single state: pass torch.func.vmap(f)"
    if _returns(h, f, h, x):
        return "; it takes states first: pass lambda x, h: f(h, x)"
    if _returns(h, f, h):
        return "; it takes states alone: pass lambda x, h: f(h)"
    return ""


def _works(plain: Batched, h: Floats, x: Floats) -> bool:
    states = plain.tensor(h)
    return _returns(states, plain.f, plain.tensor(x), states)


def _returns(like: torch.Tensor, f: Any, *arguments: torch.Tensor) -> bool:
    """Whether a function of these arguments returns a tensor shaped as `like`."""
    import torch

    try:
        with torch.no_grad():
            found: object = f(*(argument.clone() for argument in arguments))
    except Exception:  # noqa: BLE001 - whatever it raises
        return False
    return isinstance(found, torch.Tensor) and found.shape == like.shape


def said(error: Exception) -> str:
    """Return an error's class and the first line of what it says."""
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first.rstrip('.')}"
