"""A GPU that makes every pass of a search, those over a few starts too."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any


def all_on_the_gpu(module: Any) -> Any:
    """Return a compiled module whose searches leave no pass to the processor."""
    names = "search32", "search64"
    searches = {name: partial(getattr(module, name), launch_seconds=0.0) for name in names}
    return SimpleNamespace(**{**vars(module), **searches})
