"""Cells: recurrent layers as maps, their exact Jacobians, and the products with them."""

from nullcline.cells.compiled import available_threads
from nullcline.cells.function import FunctionCell
from nullcline.cells.gru import GRU
from nullcline.cells.lstm import LSTM
from nullcline.cells.mgu import MGU
from nullcline.cells.original_gru import OriginalGRU
from nullcline.cells.protocol import Cell, require_cell
from nullcline.cells.rnn import RNN
from nullcline.cells.ugrnn import UGRNN

__all__ = [
    "GRU",
    "LSTM",
    "MGU",
    "RNN",
    "UGRNN",
    "Cell",
    "FunctionCell",
    "OriginalGRU",
    "available_threads",
    "require_cell",
]
