"""Cells: recurrent layers as maps, their exact Jacobians, and the products with them.

`Cell` is what every user of a cell may ask of it. `CompiledCell` is what those have in common whose
equations the compiled core knows; `FunctionCell` and `ModuleCell` call back into Python; a `Stack`
is made of cells.
"""

from nullcline.cells.bidirectional import Bidirectional
from nullcline.cells.box import Box
from nullcline.cells.compiled import CompiledCell, available_threads, thread_count
from nullcline.cells.double_precision import in_float64
from nullcline.cells.function import FunctionCell
from nullcline.cells.gru import GRU
from nullcline.cells.leaky_rnn import LeakyRNN
from nullcline.cells.lstm import LSTM
from nullcline.cells.mgu import MGU
from nullcline.cells.module_cell import ModuleCell
from nullcline.cells.original_gru import OriginalGRU
from nullcline.cells.protocol import (
    Cell,
    HasCoreWeights,
    HasSecants,
    Layered,
    RunsSequences,
    require_cell,
)
from nullcline.cells.rate_cell import RateCell
from nullcline.cells.rate_rnn import RateRNN
from nullcline.cells.rnn import RNN
from nullcline.cells.stack import Stack
from nullcline.cells.ugrnn import UGRNN

__all__ = [
    "GRU",
    "LSTM",
    "MGU",
    "RNN",
    "UGRNN",
    "Bidirectional",
    "Box",
    "Cell",
    "CompiledCell",
    "FunctionCell",
    "HasCoreWeights",
    "HasSecants",
    "Layered",
    "LeakyRNN",
    "ModuleCell",
    "OriginalGRU",
    "RateCell",
    "RateRNN",
    "RunsSequences",
    "Stack",
    "available_threads",
    "in_float64",
    "require_cell",
    "thread_count",
]
