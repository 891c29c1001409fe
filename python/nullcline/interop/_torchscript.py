"""TorchScript in pickles, which do not know it: as its own archive."""

from __future__ import annotations

import io
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def is_script(module: Any) -> bool:
    """Whether a module is of TorchScript."""
    import torch

    return isinstance(module, torch.jit.ScriptModule)


def archived(module: Any) -> bytes:
    """Return a module's archive."""
    import torch

    archive, save = io.BytesIO(), torch.jit.save
    with _without_deprecation():
        save(module, archive)
    return archive.getvalue()


def restored(archive: bytes) -> Any:
    """Return the module of an archive."""
    import torch

    load: Any = torch.jit.load
    with _without_deprecation():
        return load(io.BytesIO(archive))


@contextmanager
def _without_deprecation() -> Iterator[None]:
    """Leave out that TorchScript will go, which whoever made the module has read already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
