"""The native cell that steps as a module does, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nullcline.cells.stack import Stack
from nullcline.interop.torch import from_torch

if TYPE_CHECKING:
    import numpy as np
    import torch

    from nullcline.cells import CompiledCell
    from nullcline.interop._module_step import ModuleStep


def native_cell(
    module: torch.nn.Module, step: ModuleStep, n_inputs: int, dtype: np.dtype[Any], *, must: bool
) -> CompiledCell | Stack | None:
    """Return the cell, or the stack of them, that steps as a module does; None if there is none.

    Raises
    ------
    ValueError
        If there is none and there must be.
    """
    if step.call is not None:
        if must:
            raise ValueError("native=True takes no call=, since native cells step as weights say")
        return None
    try:
        cells = from_torch(module, dtype=dtype)
    except (NotImplementedError, TypeError, ValueError) as error:
        if must:
            raise ValueError(f"module has no native cell, and native=True wants one: {error}") from error
        return None
    return cells[0] if len(cells) == 1 else Stack(cells)
