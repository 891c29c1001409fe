"""Calling a function without a trace: what it writes to is put back, and random numbers too."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from nullcline.interop._reached import reached_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch


@contextmanager
def undisturbed(f: object) -> Iterator[None]:
    """Restore, in the end, the generators of random numbers and what `f` holds.

    That is the buffers of modules, and tensors, that `f` is, is bound to, closes over, has for
    arguments or attributes, or names. Parameters are nobody's to write to.
    """
    import torch

    own = torch.get_rng_state()
    restore = [_keeper(held) for held in held_by(f)]
    try:
        with same_random_numbers():
            yield
    finally:
        torch.set_rng_state(own)
        for put_back in restore:
            put_back()


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Restore, in the end, the random numbers of Python and NumPy."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def held_by(f: object) -> Iterator[torch.nn.Module | torch.Tensor]:
    """Yield the modules and tensors of PyTorch that a function reaches."""
    return reached_by(f, _is_torchs)


def _is_torchs(held: object) -> bool:
    import torch

    return isinstance(held, torch.nn.Module | torch.Tensor)


def _keeper(held: torch.nn.Module | torch.Tensor) -> Callable[[], None]:
    """Return what restores a tensor, or the buffers of a module."""
    import torch

    if isinstance(held, torch.nn.Module):
        owners = [(module, dict(module.named_buffers(recurse=False))) for module in held.modules()]
        values = [_tensor_keeper(buffer) for buffer in held.buffers()]

        def put_back() -> None:
            for restore in values:
                restore()
            for module, buffers in owners:
                for name, buffer in buffers.items():
                    setattr(module, name, buffer)

        return put_back
    return _tensor_keeper(held)


def _tensor_keeper(held: torch.Tensor) -> Callable[[], None]:
    import torch

    if isinstance(held, torch.nn.Parameter) or held.is_inference() or not _is_plain(held):
        return lambda: None
    values = held.detach().clone()

    def put_back() -> None:
        if not torch.equal(held, values):  # not all that is written counts as a new version
            with torch.no_grad():
                held.copy_(values)

    return put_back


def _is_plain(held: torch.Tensor) -> bool:
    import torch

    return held.layout == torch.strided and not (held.is_meta or held.is_quantized)
