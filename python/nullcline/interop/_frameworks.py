"""Importing a framework where it is needed, or saying what brings it."""

from __future__ import annotations

import importlib
from typing import Any


def framework(module: str, extra: str) -> Any:
    """Return a framework's module; raise ModuleNotFoundError with the extra to install."""
    package = module.partition(".")[0]
    try:
        importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:  # it is there, and lacks something of its own
            raise
        raise ModuleNotFoundError(
            f"{package} is needed and not installed: pip install 'nullcline[{extra}]'",
            name=package,
        ) from error
    return importlib.import_module(module)
