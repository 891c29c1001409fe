"""What a loader yields: how a model is called with it, its lengths and its labels."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from torch.nn.utils.rnn import PackedSequence

from nullcline.cells._memory import is_out_of_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

Where: TypeAlias = int | str | Callable[[Any], Any] | None
"""Where something is in a batch: at a number, under a name, or what a function makes of it."""

_LENGTHS = ("lengths", "length", "seq_lengths", "seq_lens", "attention_mask")
_LABELS = ("labels", "label", "targets", "target", "y")

_ASK = "say how by call=lambda module, batch: ..."


def moved(batch: Any, device: Any) -> Any:
    """Return a batch with its tensors on a device, and arrays of NumPy as tensors."""
    if isinstance(batch, np.ndarray) and batch.dtype.kind in "fiub":
        batch = torch.from_numpy(batch)
    if hasattr(batch, "to"):  # a tensor, a packed sequence, or an object that knows how
        return batch if device is None else batch.to(device)
    if isinstance(batch, Mapping):
        return {name: moved(part, device) for name, part in batch.items()}
    if isinstance(batch, list | tuple):
        parts = [moved(part, device) for part in batch]
        if hasattr(batch, "_fields"):  # a named tuple
            return type(batch)(*parts)
        return type(batch)(parts) if type(batch) in {list, tuple} else parts
    return batch


def is_empty(batch: Any) -> bool:
    """Whether a batch holds no sequence: nothing, or a first tensor without elements."""
    if batch is None or (isinstance(batch, list | tuple | Mapping) and len(batch) == 0):
        return True
    first = _first_tensor(batch)
    return first is not None and first.numel() == 0


def _first_tensor(batch: Any) -> torch.Tensor | None:
    if isinstance(batch, PackedSequence):
        return batch.data
    if isinstance(batch, torch.Tensor):
        return batch
    parts: Any = ()
    if isinstance(batch, Mapping):
        parts = batch.values()
    elif isinstance(batch, list | tuple):
        parts = batch
    return next((found for part in parts if (found := _first_tensor(part)) is not None), None)


class BatchReader:
    """Calls a model with batches, and finds lengths and labels in them.

    Parameters
    ----------
    module
        The model.
    call, lengths, labels
        As in `collect_states`.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        call: Callable[[Any, Any], Any] | None,
        lengths: Where,
        labels: Where,
    ) -> None:
        self._module = module
        self._call = call
        self._lengths, self._labels = lengths, labels

    def call(self, batch: Any, number: int) -> None:
        """Call the model with a batch.

        Raises
        ------
        ValueError
            If the batch does not say how, or a model that is called by default raises.
        """
        if self._call is not None:
            self._call(self._module, batch)
            return
        args, keywords = self._arguments(batch)
        ask = _ASK
        is_of_several = isinstance(batch, list | tuple) and len(batch) > 1
        may_lack = is_of_several and not keywords and isinstance(args[0], torch.Tensor)
        if may_lack and self._lengths is None and _lengths_name(self._module):
            ask = f"say where the lengths are in a batch, as lengths=1, or {_ASK}"
        try:
            self._module(*args, **keywords)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            passed = [_form(part) for part in args]
            passed += [f"{name}={_form(part)}" for name, part in keywords.items()]
            raise ValueError(
                f"module could not be called on batch {number} of loader, as "
                f"module({', '.join(passed)}): {type(error).__name__}: {error}; {ask}"
            ) from error

    def _arguments(self, batch: Any) -> tuple[list[Any], dict[str, Any]]:
        """Return what to call the model with: the inputs, and lengths where it wants them."""
        parameters = _parameters(self._module)
        if isinstance(batch, Mapping):
            takes_any = any(of.kind is of.VAR_KEYWORD for of in parameters)
            names = {of.name for of in parameters}
            keywords = {at: batch[at] for at in batch if takes_any or at in names}
            missing = [of.name for of in parameters if _is_needed(of) and of.name not in keywords]
            if missing or not keywords:
                raise ValueError(
                    f"loader yields {', '.join(map(repr, batch))}, and the module's forward takes "
                    f"{', '.join(of.name for of in parameters)}: {_ASK}"
                )
            return [], keywords
        if isinstance(batch, PackedSequence) or not isinstance(batch, list | tuple):
            return [batch], {}
        needed = [of.name for of in parameters if _is_needed(of)]
        name = _lengths_name(self._module)
        if _has_lengths(batch, name):
            return list(batch[0]), {}
        others = [one for one in needed[1:] if one != name]
        found = self._where_lengths_are(batch) if name and not others else None
        if found is not None and not _is_mask(found):
            return [batch[0]], {str(name): found}
        if len(needed) < 2:
            return [batch[0]], {}
        hint = " where the lengths are in a batch, as lengths=1, or" if "len" in needed[1] else ""
        raise ValueError(
            f"loader yields {len(batch)} things, and the module's forward takes "
            f"{', '.join(needed)}: say{hint} how it is called, as "
            "call=lambda module, batch: module(batch[0], batch[1])"
        )

    def lengths(self, batch: Any) -> torch.Tensor | None:
        """Return how many steps each sequence has, if the batch says."""
        found = self._where_lengths_are(batch)
        if found is None:
            return None
        lengths = torch.as_tensor(found).detach().cpu()
        if _is_mask(lengths):
            lengths = _of_mask(lengths)
        lengths = lengths.reshape(-1)
        is_whole = not (lengths.is_complex() or lengths.dtype == torch.bool)
        if not is_whole or (lengths.is_floating_point() and bool((lengths % 1 != 0).any())):
            raise TypeError(f"lengths must be whole numbers, not {lengths.dtype}")
        if len(lengths) and int(lengths.min()) < 0:
            raise ValueError(f"lengths must not be negative, as {int(lengths.min())} is")
        return lengths.long()

    def _where_lengths_are(self, batch: Any) -> Any:
        """Return the lengths, or a mask, that are in a batch; None where there are none."""
        if self._lengths is not None:
            return _found("lengths", self._lengths, batch)
        if isinstance(batch, list | tuple) and _has_lengths(batch, _lengths_name(self._module)):
            return batch[0][1]
        return _named(batch, _LENGTHS)

    def labels(self, batch: Any) -> NDArray[Any] | None:
        """Return a label of each sequence, if the batch has any that are one each."""
        is_asked = self._labels is not None
        if is_asked:
            found = _found("labels", self._labels, batch)
        else:
            found = _given_labels(batch, second=self._lengths not in (1, -1))
        if found is None:
            return None
        array = np.asarray(found.detach().cpu() if isinstance(found, torch.Tensor) else found)
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        array = np.atleast_1d(array)
        if array.ndim == 1 and array.dtype.kind in "iufbU":
            return array
        if is_asked:
            raise ValueError(
                "labels must be one number or text for each sequence, not "
                f"{array.dtype} of shape {array.shape}"
            )
        return None

    @property
    def is_labelled(self) -> bool:
        """Whether the user said where labels are."""
        return self._labels is not None


def _lengths_name(module: torch.nn.Module) -> str | None:
    """Return what `forward` calls the lengths that it takes after its inputs; None of no such."""
    names = [of.name for of in _parameters(module)[1:]]
    return next((name for name in names if "len" in name), None)


def _has_lengths(batch: Any, name: str | None) -> bool:
    """Whether inputs come with their lengths, and `forward` takes both: ((tokens, lengths), y)."""
    first: Any = batch[0] if type(batch) in {list, tuple} and batch else None
    is_pair = type(first) in {list, tuple} and len(first) == 2
    return name is not None and is_pair and isinstance(first[1], torch.Tensor)


def _is_mask(lengths: Any) -> bool:
    """Whether lengths are marks of steps, (n, T)."""
    return getattr(lengths, "ndim", 1) == 2 and lengths.shape[1] != 1


def _of_mask(mask: torch.Tensor) -> torch.Tensor:
    """Return how many steps are marked, of which all come before those that are not."""
    marked = mask != 0
    lengths = marked.sum(dim=1)
    before = torch.arange(mask.shape[1]) < lengths[:, None]
    if not torch.equal(marked, before):
        raise ValueError(
            "lengths, where they are a mask of shape (n, T), must mark the first steps of each "
            "sequence: pad at the end, or have all steps counted by lengths=lambda batch: None"
        )
    return lengths


def _parameters(module: torch.nn.Module) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):  # of compiled code
        return []


def _is_needed(parameter: inspect.Parameter) -> bool:
    variable = parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    return parameter.default is parameter.empty and not variable


def _given_labels(batch: Any, *, second: bool) -> Any:
    """Return the second of two things, if that may be labels, or what is named as labels are."""
    if type(batch) in {list, tuple} and len(batch) == 2:
        return batch[1] if second else None
    return _named(batch, _LABELS)


def _named(batch: Any, names: tuple[str, ...]) -> Any:
    """Return the first of some names that a batch has; a tensor's attributes are not meant."""
    if isinstance(batch, torch.Tensor | PackedSequence):
        return None
    if isinstance(batch, Mapping):
        return next((batch[name] for name in names if name in batch), None)
    return next((getattr(batch, name) for name in names if hasattr(batch, name)), None)


def _found(what: str, where: Where, batch: Any) -> Any:
    """Return what is at a place of a batch that the user named."""
    if callable(where):
        return where(batch)
    try:
        if isinstance(where, str) and not isinstance(batch, Mapping):
            return getattr(batch, where)
        return batch[where]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{what}={where!r} is nothing in a batch of loader, which is {_form(batch)}"
        ) from error


def _form(value: Any) -> str:
    """Return in a few words what a part of a batch is."""
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if isinstance(value, Mapping):
        return f"a mapping of {', '.join(map(repr, value))}"
    if isinstance(value, list | tuple) and not isinstance(value, PackedSequence):
        return f"a {type(value).__name__} of {len(value)}"
    return type(value).__name__
