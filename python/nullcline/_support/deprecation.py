"""Old spellings that still work: attributes, methods and modules that warn of what they are now.

A successor is named by a string and looked up when the old spelling is used, so that a lower room
can point to a higher one without importing it.

Each names the version in which it `goes`, as docs/stability.md promises: `tests/test_stability.py`
reads these from the sources, and fails when a version is reached that something was to be gone by.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import warnings
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType


def warn_deprecated(old: str, instead: str, *, goes: str, stacklevel: int = 2) -> None:
    """Warn at the line that called the caller of `old`, what to do `instead` and until when."""
    warnings.warn(
        f"{old} is deprecated: {instead} (it goes in nullcline {goes})",
        DeprecationWarning,
        stacklevel=stacklevel + 1,
    )


class deprecated_attribute:  # noqa: N801 - it is used as `property` is
    """An attribute that is read under an old name.

    Parameters
    ----------
    new
        What the attribute is called now.
    goes
        The version without the old name.
    """

    def __init__(self, new: str, *, goes: str) -> None:
        self._new = new
        self._goes = goes
        self.__doc__ = f"Deprecated: use `{new}`."

    def __set_name__(self, owner: type, name: str) -> None:
        self._old = name

    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        old, new = (f"{owner.__name__}.{name}" for name in (self._old, self._new))
        warn_deprecated(old, f"use {new}", goes=self._goes)
        return getattr(instance, self._new)


def deprecated_method(old: str, new: str, successor: str, *, goes: str) -> Callable[..., Any]:
    """Return a method that became a function, which takes the object as its first argument.

    Parameters
    ----------
    old, new
        What users wrote and what they should write now, for the warning.
    successor
        Where the function is, as "package.module:name".
    goes
        The version without the method.
    """

    def method(self: object, *arguments: Any, **options: Any) -> Any:
        warn_deprecated(old, f"use {new}", goes=goes)
        return pkgutil.resolve_name(successor)(self, *arguments, **options)

    method.__name__ = old.rpartition(".")[2]
    method.__qualname__ = old
    method.__doc__ = f"Deprecated: use `{new}`."
    return method


class MovedModules(MetaPathFinder, Loader):
    """Finds modules under their old names.

    Parameters
    ----------
    moved
        The new name of each module that has an old one. A package's modules are found through it
        too, unless they have a line of their own.
    goes
        The version without the old names.
    """

    def __init__(self, moved: Mapping[str, str], *, goes: str) -> None:
        self._moved = dict(moved)
        self._goes = goes

    def install(self) -> None:
        """Ask this finder before all others: a moved package's folder is the new one's."""
        if not any(isinstance(finder, MovedModules) for finder in sys.meta_path):
            sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load a module by its old name; None for every other name."""
        del path, target
        return None if self._successor(fullname) is None else ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Let the machinery make a module, which `exec_module` replaces."""
        del spec
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Put the module of the new name in place of that of the old name."""
        old = module.__name__
        new = self._successor(old)
        if new is None:
            raise ImportError(f"{old} has no new name", name=old)
        found = importlib.import_module(new)
        warn_deprecated(old, f"use {new}", goes=self._goes)
        sys.modules[old] = found

    def _successor(self, name: str) -> str | None:
        if name in self._moved:
            return self._moved[name]
        package, dot, rest = name.rpartition(".")
        above = self._successor(package) if dot else None
        return None if above is None else f"{above}.{rest}"
