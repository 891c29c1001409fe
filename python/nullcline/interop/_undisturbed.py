"""Calling a function without a trace: what it writes to is put back, and random numbers too."""

from __future__ import annotations

import functools
import inspect
import random
from contextlib import contextmanager
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

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

    own, python, numpy = torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002
    restore = [_keeper(held) for held in held_by(f)]
    try:
        yield
    finally:
        torch.set_rng_state(own)
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        for put_back in restore:
            put_back()


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


def held_by(f: object) -> Iterator[torch.nn.Module | torch.Tensor]:
    """Yield the modules and tensors that a function reaches, by the functions that it calls."""
    import torch

    seen: set[int] = set()
    ahead: list[Any] = [f, *_attributes(f), *_attributes(getattr(f, "__self__", None))]
    while ahead:
        item = ahead.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, torch.nn.Module | torch.Tensor):
            yield item
        elif isinstance(item, functools.partial):
            ahead += [item.func, *item.args, *item.keywords.values()]
        elif inspect.ismethod(item):
            ahead += [item.__self__, item.__func__]
        elif isinstance(item, dict):
            ahead += item.values()
        elif isinstance(item, list | tuple):
            ahead += item
        elif inspect.isfunction(item) and not str(item.__module__).startswith("torch."):
            ahead += _named_by(item)


def _attributes(owner: object) -> list[Any]:
    """Return what an object of a class of the user's holds."""
    import torch

    if owner is None or isinstance(owner, torch.nn.Module | torch.Tensor):
        return []
    return list(getattr(owner, "__dict__", {}).values())


def _named_by(function: Any) -> list[Any]:
    """Return what a function closes over, has for default arguments, or names."""
    names = set(_names(function.__code__))
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    return [
        *cells,
        *(function.__defaults__ or ()),
        *(function.__kwdefaults__ or {}).values(),
        *(value for name, value in function.__globals__.items() if name in names),
    ]


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - raises where it is empty
    except ValueError:
        return False
    return True
