"""The file of `FixedPoints`: a NumPy archive (.npz) without pickled objects.

Version 2 is written. Version 1, which is read too, has no conditions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive

if TYPE_CHECKING:
    import os
    from typing import BinaryIO

_FORMAT = "nullcline.FixedPoints"
_VERSIONS = (1, 2)  # those that are read; the last is written

# Columns of texts, which a file holds as the distinct ones and their numbers: a sentence per row
# would outweigh small states.
_TEXTS = ("kind", "reason", "condition")


def write_points(path: str | os.PathLike[str], columns: dict[str, Any], tol_unique: float) -> None:
    """Write the columns of points, whole or not at all."""
    arrays = dict(columns)
    for name in (name for name in _TEXTS if name in arrays):
        texts, codes = np.unique(arrays.pop(name), return_inverse=True)
        code = np.min_scalar_type(len(texts))
        arrays |= {f"{name}_texts": texts, f"{name}_codes": codes.astype(code)}
    arrays["tol_unique"] = np.array(tol_unique)
    archive.write(path, _FORMAT, _VERSIONS[-1], arrays)


def read_points(file: BinaryIO) -> dict[str, Any]:
    """Return the fields of the `FixedPoints` in a file; what it raises is `archive.UNREADABLE`."""
    arrays = archive.read(file, _FORMAT, _VERSIONS)
    for name in (name for name in _TEXTS if f"{name}_texts" in arrays):
        arrays[name] = arrays.pop(f"{name}_texts")[arrays.pop(f"{name}_codes")]
    return {"inputs": None, **arrays, "tol_unique": arrays["tol_unique"].item()}
