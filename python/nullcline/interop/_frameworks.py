"""Importing a framework where it is needed, or saying what brings it."""

from __future__ import annotations

import importlib
from typing import Any

from nullcline._support.extras import install


def framework(module: str, extra: str) -> Any:
    """Return a framework's module; raise ModuleNotFoundError with the extra to install."""
    package = module.partition(".")[0]
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:  # it is there, and lacks something of its own
            raise
        raise ModuleNotFoundError(install(package, extra), name=package) from error
    return importlib.import_module(module)
