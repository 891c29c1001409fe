"""The versions that a result depends on, for the record that is kept beside it."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

PACKAGES = ("nullcline", "numpy", "scipy", "torch", "scikit-learn")


def versions() -> dict[str, str]:
    """Return the versions of Python, of the platform and of the packages that are installed."""
    found = {
        "python": platform.python_version(),
        "platform": f"{sys.platform}-{platform.machine()}",
    }
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
