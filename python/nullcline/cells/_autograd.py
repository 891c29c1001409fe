"""Tensors of arrays, and what autograd finds of them, whatever the caller's modes are."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    import torch

    from nullcline._support.validation import Floats


def tensor(array: Floats, device: torch.device | None = None) -> torch.Tensor:
    """Return a copy of an array as a tensor, on the CPU if no device is said."""
    import torch

    copied = torch.from_numpy(np.array(array, order="C"))
    return copied if device is None else copied.to(device)


def array(found: torch.Tensor) -> Floats:
    """Return a tensor as an array that shares no memory with it: `f` may return a buffer."""
    values: Floats = found.detach().resolve_neg().cpu().numpy().copy()
    return values


def gradient(
    found: torch.Tensor,
    wanted: torch.Tensor,
    weights: torch.Tensor,
    *,
    differentiable: bool = False,
) -> torch.Tensor:
    """Return `weights` times the derivative of what was found; its record stays."""
    return gradients(found, (wanted,), weights, differentiable=differentiable)[0]


def gradients(
    found: torch.Tensor,
    wanted: tuple[torch.Tensor, ...],
    weights: torch.Tensor,
    *,
    differentiable: bool = False,
) -> tuple[torch.Tensor, ...]:
    """Return `weights` times the derivatives by several tensors, in one pass."""
    import torch

    if not found.requires_grad:  # nothing that `wanted` had a part in
        return tuple(map(torch.zeros_like, wanted))
    return torch.autograd.grad(
        found,
        wanted,
        weights,
        retain_graph=True,
        create_graph=differentiable,
        allow_unused=True,
        materialize_grads=True,
    )


def gradient_of_each(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Return the derivatives of each unit of what was found, (n, S), in one pass: (n, S, ...)."""
    import torch

    n, size = found.shape
    by_unit = None
    if found.requires_grad:
        units = torch.eye(size, dtype=found.dtype, device=found.device)
        (by_unit,) = torch.autograd.grad(
            found,
            wanted,
            units[:, None].expand(-1, n, -1),
            is_grads_batched=True,
            allow_unused=True,
        )
    if by_unit is None:  # nothing that `wanted` had a part in
        return wanted.new_zeros((n, size, wanted.shape[1]))
    return by_unit.transpose(0, 1)


_forked = threading.Event()
"""Set in the child of a fork: PyTorch's threads are its parent's, and a child that asks them to
share its work waits for them for ever. So it works alone, as the workers of PyTorch's own do."""

os.register_at_fork(after_in_child=_forked.set)


def as_outside() -> AbstractContextManager[None]:
    """Compute as if outside of any `no_grad`, `inference_mode` or `autocast` of the caller's.

    To leave modes takes longer than a product of few rows, and most callers are in none.
    """
    import torch

    if _forked.is_set():
        torch.set_num_threads(1)
        _forked.clear()
    is_outside = (
        torch.is_grad_enabled()
        and not torch.is_inference_mode_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.is_autocast_enabled("cuda")
    )
    return nullcontext() if is_outside else _leaving_modes()


@contextmanager
def _leaving_modes() -> Iterator[None]:
    import torch

    with (
        torch.inference_mode(mode=False),
        torch.enable_grad(),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False) if torch.cuda.is_available() else nullcontext(),
    ):
        yield
