"""The package's rooms as attributes of it, each loaded when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType


def room(name: str) -> ModuleType:
    """Return a room of the package.

    Raises
    ------
    AttributeError
        If there is none of that name.
    """
    module = f"nullcline.{name}"
    spec = None if name.startswith("_") else find_spec(module)
    if spec is None or spec.submodule_search_locations is None:  # a module that moved is no room
        raise AttributeError(f"module 'nullcline' has no attribute {name!r}", name=name)
    return import_module(module)
