"""Where cuBLAS may be: loaded already, in NVIDIA's wheels, where the system looks, in a toolkit.

NVIDIA's `cuda.pathfinder` looks in the same places. It gives one answer, where a library that
cannot be loaded here is followed by the next; and it needs a newer Python than this package.
"""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAPS = Path("/proc/self/maps")  # Linux's list of what is loaded
_WHEEL_FOLDERS = ("cu13/lib", "cublas/lib")
_SYSTEM_NAMES = ("libcublas.so.13", "libcublas.so.12")
_ROOTS = ("CONDA_PREFIX", "CUDA_PATH", "CUDA_HOME")  # variables that name a toolkit's folder


def candidates() -> Iterator[str]:
    """Yield what the loader may be asked for, the best first: files, then names.

    A library that is loaded already, PyTorch's, comes first: a second one would take as much
    memory of the GPU again.
    """
    yield from _loaded()
    yield from _in_wheels()
    yield from _SYSTEM_NAMES
    yield from _in_toolkits()


def _loaded() -> list[str]:
    if not _MAPS.exists():
        return []
    found = re.findall(r"/.*/libcublas\.so[.\d]*$", _MAPS.read_text("utf-8"), re.MULTILINE)
    return list(dict.fromkeys(found))


def _in_wheels() -> list[str]:
    package = find_spec("nvidia")
    roots = (package.submodule_search_locations if package else None) or []
    return [
        str(path)
        for folder in _WHEEL_FOLDERS
        for root in roots
        for path in sorted(Path(root, folder).glob("libcublas.so.*"))
    ]


def _in_toolkits() -> list[str]:
    roots = [os.environ[name] for name in _ROOTS if os.environ.get(name)]
    return [
        str(path)
        for root in roots
        for folder in ("lib", "lib64")
        for path in sorted(Path(root, folder).glob("libcublas.so.*"))
    ]
