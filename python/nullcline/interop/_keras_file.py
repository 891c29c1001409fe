"""Files of Keras: whole models (.keras, .h5) and weights alone (.weights.h5).

Layers that carry code (`Lambda`, classes of one's own) are refused before Keras sees the file: some
of its versions run such code whatever `safe_mode` says.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import zipfile
from typing import TYPE_CHECKING, Any, NamedTuple

from nullcline._support import zips
from nullcline._support.reading import FileError, explaining, reading, size_of
from nullcline.cells.bidirectional import Bidirectional
from nullcline.interop._frameworks import framework
from nullcline.interop.keras import from_keras

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import DTypeLike

_OWN = re.compile(r"builtins|keras(\.(src\.)?[a-z_]+)*")
_CODE = {"Lambda", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer", "__lambda__"}
_LAYERS = {3: "GRU", 4: "LSTM", 1: "SimpleRNN"}


class KerasFile(NamedTuple):
    """The recurrent layers of a file, what it calls them, and whether their order is known."""

    entries: list[Any]
    names: list[str]
    ordered: bool


def read_keras(path: Path, *, nonlinearity: str | None, dtype: DTypeLike) -> KerasFile:
    """Return the cells of a file of Keras.

    Weights alone do not say how a layer steps: it is taken to have Keras's default activations,
    and an RNN that of `nonlinearity`.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ModuleNotFoundError
        If Keras, or a backend for it, is not installed.
    FileError
        If it is damaged, no file of Keras, or carries code.
    TypeError, ValueError, NotImplementedError
        As `nullcline.from_keras` does.
    """
    keras = _keras()
    config = _config(path)
    if config is None:
        return _of_weights(keras, path, nonlinearity, dtype)
    _require_no_code(path, config)
    with explaining(path, "a model of Keras"):
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    entries = from_keras(model, dtype=dtype)
    return KerasFile(entries, [""] * len(entries), ordered=True)


def _keras() -> Any:
    """Return Keras, which reads files with any backend: its user's choice, or one that is there."""
    is_open = "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ
    if is_open and importlib.util.find_spec("tensorflow") is None:  # what Keras would import
        there = [name for name in ("torch", "jax") if importlib.util.find_spec(name) is not None]
        if not there:
            raise ModuleNotFoundError(
                "Keras needs a backend, and none is installed: pip install 'nullcline[torch]'",
                name="torch",
            )
        os.environ["KERAS_BACKEND"] = there[0]
    return framework("keras", "keras")


def _config(path: Path) -> Any:
    """Return what a file says that its model is made of; None if it holds weights alone."""
    with reading(path, "a file of Keras") as file:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                zips.members(path, archive, size_of(file))
                return json.loads(archive.read("config.json"))
        h5py: Any = framework("h5py", "keras")
        with h5py.File(file, "r") as tree:
            config = tree.attrs.get("model_config")
            return None if config is None else json.loads(config)


def _require_no_code(path: Path, config: Any) -> None:
    for part in _parts(config):
        kind, module = part.get("class_name"), part.get("module") or "keras"
        registered = part.get("registered_name")
        custom = isinstance(registered, str) and ">" in registered
        if kind in _CODE or custom or not _OWN.fullmatch(str(module)):
            raise FileError(
                f"{path} has a part that only its own code can make ({module}.{kind}): save the "
                "recurrent layer in a model of its own, keras.Sequential([layer]).save(...)"
            )


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping within what JSON gives, which bounds how deep they lie."""
    if isinstance(config, dict):
        yield config
        for value in config.values():
            yield from _parts(value)
    elif isinstance(config, list):
        for value in config:
            yield from _parts(value)


# Weights alone


def _of_weights(keras: Any, path: Path, nonlinearity: str | None, dtype: DTypeLike) -> KerasFile:
    found = _recurrent_weights(path)
    if not found:
        raise FileError(f"{path} holds no weights of a recurrent layer")
    cells: dict[str, Any] = {
        name: from_keras(_layer(keras, name, weights, nonlinearity), dtype=dtype)[0]
        for name, weights in found.items()
    }
    for name in [name for name in cells if name.endswith("/forward_layer")]:
        both = name.removesuffix("/forward_layer")
        cells[both] = Bidirectional(cells.pop(name), cells.pop(f"{both}/backward_layer"))
    names = sorted(cells, key=_natural)
    return KerasFile([cells[name] for name in names], names, ordered=len(names) == 1)


def _recurrent_weights(path: Path) -> dict[str, list[Any]]:
    """Return the arrays of every recurrent layer, in the order of Keras's `get_weights`."""
    h5py: Any = framework("h5py", "keras")
    groups: dict[str, dict[str, Any]] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            folder, _, last = name.rpartition("/")
            groups.setdefault(folder, {})[last] = item[()]

    with reading(path, "a file of Keras's weights") as file, h5py.File(file, "r") as tree:
        tree.visititems(visit)
    found = {}
    for folder, arrays in groups.items():
        names = ("0", "1", "2") if "0" in arrays else ("kernel", "recurrent_kernel", "bias")
        weights = [arrays[name] for name in names if name in arrays]
        if _is_recurrent(weights):
            found[_name(folder)] = weights
    return found


def _is_recurrent(weights: list[Any]) -> bool:
    """Whether arrays are a kernel (D, gates H), a recurrent one (H, gates H) and maybe a bias."""
    shapes = [array.shape for array in weights]
    if len(shapes) not in {2, 3} or any(len(shape) != 2 for shape in shapes[:2]):
        return False
    (_, columns), (size, same) = shapes[:2]
    return bool(columns == same and size and columns in {gates * size for gates in _LAYERS})


def _name(folder: str) -> str:
    """Return what the file calls a layer: layers/gru_1 of layers/gru_1/cell/vars."""
    name = folder.removesuffix("/vars").removesuffix("/cell").removeprefix("layers/")
    return name.rpartition("/")[2] if name.endswith("_cell") else name


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _layer(keras: Any, name: str, weights: list[Any], nonlinearity: str | None) -> Any:
    """Return a layer of Keras with these weights and its class's default activations."""
    kernel, recurrent, *bias = weights
    size = len(recurrent)
    kind = _LAYERS[recurrent.shape[1] // size]
    options: dict[str, Any] = {"use_bias": bool(bias)}
    if kind == "GRU":  # without a bias nothing tells it from the original one
        options["reset_after"] = not bias or bias[0].ndim == 2
    if kind == "SimpleRNN":
        if nonlinearity not in {"tanh", "relu"}:
            raise ValueError(
                f"nonlinearity must be 'tanh' or 'relu' for {name}, an RNN, whose weights do not "
                f"say which, not {nonlinearity!r}"
            )
        options["activation"] = nonlinearity
    layer = getattr(keras.layers, kind)(size, **options)
    layer.build((None, None, len(kernel)))
    layer.set_weights(weights)
    return layer
