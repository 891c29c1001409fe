"""The versions that a result depends on, for the record that is kept beside it."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

PACKAGES = ("nullcline", "numpy", "scipy", "torch")


def versions() -> dict[str, str]:
    """Return the versions of Python, of the platform and of the packages that are installed."""
    found = {name: _version(name) for name in PACKAGES}
    return {
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
        **{name: version for name, version in found.items() if version is not None},
    }


def own_version() -> str:
    """Return nullcline's version; where it is run from the source folder, that it is unknown."""
    return _version("nullcline") or "0+unknown"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
