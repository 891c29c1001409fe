"""Importers say to type checkers what they return; `make types` checks what is asserted here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

import nullcline as nc

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any, assert_type

    import pandas as pd

    from nullcline.cells import CompiledCell
    from nullcline.plotting import style  # noqa: F401 - a room is known once it is imported

    def what_importers_return(path: Path, layer: Any, module: torch.nn.Module) -> None:
        assert_type(nc.from_torch(torch.nn.GRU(2, 3)), list[nc.GRU])
        assert_type(nc.from_torch(torch.nn.LSTMCell(2, 3)), list[nc.LSTM])
        assert_type(nc.from_torch(torch.nn.RNN(2, 3))[0].nonlinearity, str)
        assert_type(nc.from_torch(module), list[CompiledCell])
        assert_type(nc.from_keras(layer), list[CompiledCell])
        assert_type(nc.from_flax(layer), list[CompiledCell])
        assert_type(nc.from_safetensors(path), list[CompiledCell])
        assert_type(nc.from_safetensors(path, kind="UGRNN"), list[nc.UGRNN])
        assert_type(nc.from_safetensors(path, kind="LeakyRNN"), list[nc.LeakyRNN])
        assert_type(nc.from_function(lambda _, h: h, 2, 3), nc.FunctionCell)
        assert_type(nc.from_module(module), nc.ModuleCell | CompiledCell | nc.Stack)
        assert_type(nc.from_module(module, native=False), nc.ModuleCell)

    def what_is_held(points: nc.FixedPoints, modes: nc.Linearization) -> None:
        assert_type(points[0], nc.FixedPoints)
        assert_type(next(iter(points)), nc.FixedPoints)
        assert_type(nc.concatenate([points, points]), nc.FixedPoints)
        assert_type(nc.concatenate(list(modes)), nc.Linearization)
        assert_type(points.to_dataframe(), pd.DataFrame)


@pytest.mark.parametrize(
    ("module", "kind"),
    [
        (torch.nn.GRU(2, 3), nc.GRU),
        (torch.nn.GRUCell(2, 3), nc.GRU),
        (torch.nn.LSTM(2, 3), nc.LSTM),
        (torch.nn.LSTMCell(2, 3), nc.LSTM),
        (torch.nn.RNN(2, 3), nc.RNN),
        (torch.nn.RNNCell(2, 3), nc.RNN),
    ],
)
def test_from_torch_returns_what_its_overloads_say(module: torch.nn.Module, kind: type) -> None:
    assert [type(cell) for cell in nc.from_torch(module)] == [kind]
