"""The native cell that steps as a module does, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nullcline.cells.stack import Stack
from nullcline.interop._recognition import recognized
from nullcline.interop.torch import from_torch

if TYPE_CHECKING:
    import numpy as np
    import torch

    from nullcline.cells import CompiledCell
    from nullcline.interop._module_step import ModuleStep


def native_cell(
    module: torch.nn.Module,
    step: ModuleStep,
    n_inputs: int,
    own: np.dtype[Any],
    dtype: np.dtype[Any],
    *,
    must: bool,
) -> CompiledCell | Stack | None:
    """Return the cell, or the stack of them, that steps as a module does; None if there is none.

    The module computes in `own`, and the cell in `dtype`.

    Raises
    ------
    ValueError
        If there is none and there must be.
    """
    found = None if step.call else _imported(module, dtype)
    if found is None:
        found = recognized(step, n_inputs, own, dtype)
    if found is None and must:
        raise ValueError(
            "module steps as none of the native cells does, and native=True asks for one: leave "
            "it out, and its own step is used"
        )
    return found


def _imported(module: torch.nn.Module, dtype: np.dtype[Any]) -> CompiledCell | Stack | None:
    """Return what the importer makes of PyTorch's own modules, checked against them."""
    try:
        cells = from_torch(module, dtype=dtype)
    except (NotImplementedError, TypeError, ValueError):
        return None
    return cells[0] if len(cells) == 1 else Stack(cells)
