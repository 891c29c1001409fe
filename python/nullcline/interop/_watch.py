"""What a function does with tensors, seen while it is called."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

_READERS = frozenset(
    {
        *("__bool__", "__float__", "__int__", "__index__", "__complex__", "__contains__"),
        *("__array__", "__format__", "item", "tolist", "numpy", "equal", "allclose", "is_nonzero"),
    }
)
"""Functions of PyTorch that turn a tensor's values into numbers of Python or arrays of NumPy."""


@dataclass
class Seen:
    """What was seen of a call.

    Attributes
    ----------
    reads_values
        Whether values of tensors became Python's, to decide by; True also where nobody could look.
    types
        The types of the tensors that took part in derivatives.
    """

    reads_values: bool = True
    types: set[torch.dtype] = field(default_factory=set)


def watch(call: Callable[[], object]) -> Seen:
    """Make a call, and return what was seen of it."""
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

    seen = Seen()
    reads: list[str] = []

    class Functions(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if getattr(func, "__name__", "") in _READERS:
                reads.append(func.__name__)
            found = func(*args, **(kwargs or {}))
            if getattr(found, "requires_grad", False):
                seen.types.add(found.dtype)
            return found

    class Watching:
        """Apart from the mode, which would import PyTorch's compiler, seconds, for its own."""

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if "_local_scalar_dense" in str(func):  # within a script, too
                reads.append(str(func))
            return func(*args, **(kwargs or {}))

    class Operations(Watching, TorchDispatchMode):  # type: ignore[no-untyped-call]
        pass

    with suppress(Exception):  # a compiled function may not bear to be watched
        with Functions(), Operations():  # type: ignore[no-untyped-call]
            call()
        seen.reads_values = bool(reads)
    return seen
