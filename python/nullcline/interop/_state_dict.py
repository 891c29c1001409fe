"""A file that `torch.save` wrote of weights, opened so that nothing in it can run."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nullcline._support.reading import FileError, explaining, open_regular
from nullcline.interop._frameworks import framework

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_NAMED = re.compile(r"GLOBAL ([\w.]+)")
_DEEPEST = 8
_SAVE = "torch.save(module.state_dict(), 'weights.pt')"


def read_state_dict(path: Path) -> dict[str, Any]:
    """Return every tensor of a file by its name.

    Checkpoints of training loops hold their state dicts under keys of their own; such a key, and a
    full stop, then precede the names.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ModuleNotFoundError
        If PyTorch is not installed.
    FileError
        If it is damaged, holds no tensor, or holds what only unpickling could read: a whole module,
        say. Pickles run code when they are read, so none is.
    """
    torch = framework("torch", "torch")
    with (
        open_regular(path) as file,
        explaining(path, "a state dict of PyTorch"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # of what is refused below
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except (pickle.UnpicklingError, RuntimeError) as error:
            raise _refused(path, error) from error
    tensors = dict(_tensors(content, "", torch.Tensor))
    if not tensors:
        raise FileError(
            f"{path} holds {_what(content)}, and no named tensors; save weights: {_SAVE}"
        )
    return tensors


def _tensors(
    content: object, prefix: str, kind: type[Any], depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Yield names and tensors of mappings within mappings."""
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return
    for name, value in content.items():
        if isinstance(value, kind):
            yield f"{prefix}{name}", value
        else:
            yield from _tensors(value, f"{prefix}{name}.", kind, depth + 1)


def _what(content: object) -> str:
    return f"a {type(content).__module__}.{type(content).__qualname__}".replace("builtins.", "")


def _refused(path: Path, error: Exception) -> Exception:
    """Return what to say of a file that is opened by running what it holds, or not at all."""
    if "TorchScript" in str(error):
        return FileError(
            f"{path} is a module of TorchScript, which is read by running it; save its weights: "
            f"{_SAVE}"
        )
    named = _NAMED.search(str(error))
    if named:
        return FileError(
            f"{path} holds more than weights: {named[1]} is read by running what the file says. "
            f"Where you trust it, save the weights alone: {_SAVE}, or, of a checkpoint, its entry "
            "state_dict"
        )
    if isinstance(error, pickle.UnpicklingError):  # its own message says how to run it
        return FileError(f"{path} is no file of weights that torch.save wrote, or it is damaged")
    return error
