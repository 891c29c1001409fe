"""Cells from other libraries' recurrent layers: one file per framework, each imported on use.

The importers' annotation is `list[Any]`, because whether a layer gives a cell or a `Bidirectional`
pair is in a module's settings, where no type checker sees it.
"""

from __future__ import annotations

from nullcline.cells.bidirectional import Bidirectional
from nullcline.interop._function_cell import FunctionWarning
from nullcline.interop.flax import from_flax
from nullcline.interop.function import from_function
from nullcline.interop.jax import from_jax
from nullcline.interop.keras import from_keras
from nullcline.interop.module import from_module
from nullcline.interop.safetensors import from_safetensors
from nullcline.interop.torch import from_torch

__all__ = [
    "Bidirectional",
    "FunctionWarning",
    "from_flax",
    "from_function",
    "from_jax",
    "from_keras",
    "from_module",
    "from_safetensors",
    "from_torch",
]
