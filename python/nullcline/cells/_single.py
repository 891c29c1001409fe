"""Functions of float64 as functions of float32, where they can be both."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def in_single_precision() -> Iterator[None]:
    """Let operations of PyTorch take float32 for float64, whatever tensors they are given.

    So weights stay as they are, and whoever owns them keeps them. Whether a function takes it well
    is for its examination to find out.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    def single(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if value.dtype is not torch.float64:
                return value
            with torch._C.DisableTorchFunction():
                return value.float()
        if value is torch.float64:
            return torch.float32
        if type(value) in (list, tuple):
            return type(value)(map(single, value))
        return value

    class InSingle(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Callable[..., Any],
            types: Any,
            args: tuple[Any, ...] = (),
            kwargs: dict[str, Any] | None = None,
        ) -> Any:
            named = {name: single(value) for name, value in (kwargs or {}).items()}
            return func(*map(single, args), **named)

    with InSingle():
        yield
