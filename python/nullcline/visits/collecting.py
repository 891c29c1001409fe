"""Running a model over a loader, with hooks on its recurrent layers."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any

from nullcline._support import validation
from nullcline.cells._memory import is_out_of_memory
from nullcline.interop._frameworks import framework
from nullcline.search.progress import reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import torch

    from nullcline.search.progress import Report
    from nullcline.visits.batches import Where
    from nullcline.visits.recorder import Recorder
    from nullcline.visits.states import VisitedStates


def collect_states(
    module: torch.nn.Module,
    loader: Iterable[Any],
    *,
    n_states: int | None = 1000,
    layers: str | type | Sequence[str | type] | None = None,
    call: Callable[[Any, Any], Any] | None = None,
    lengths: Where = None,
    labels: Where = None,
    seed: int = 0,
    progress: bool | Report = False,
) -> dict[str, VisitedStates]:
    """Run a model over a loader and keep states that its recurrent layers visit.

    What is kept of each state is what came before it too: the input and the previous state that led
    to it, where it was in which sequence, and the sequence's label. The states are those of every
    layer and direction, one for each step, whole: of an LSTM `[h, c]`. PyTorch returns neither the
    lower layers' states nor more than the last c, and so they are computed again, from the captured
    inputs with the module's own weights, and compared with the last states that it does return.

    The model runs in evaluation mode, without gradients, and is left as it was: its modes, hooks
    and PyTorch's random numbers. So dropout, which is no part of a cell, is left out.

    Parameters
    ----------
    module
        The model: any `torch.nn.Module`, or a recurrent layer itself.
    loader
        What yields batches, such as a `DataLoader`, or a list of them. They are moved to the
        module's device; arrays of NumPy become tensors. A batch is

        - a tensor or a `PackedSequence`, with which the module is called;
        - a tuple or a list, with the first of which it is called; the second of two is the label of
          each sequence, if it holds one number for each;
        - a mapping, of which it is called with what its `forward` takes, by name;
        - an object of a class of your own, with which it is called, after `.to(device)`.

        Batches without elements are skipped.
    n_states
        How many states to keep of each layer, drawn uniformly from all that it visits, in random
        order (so that the first of them are a sample too); None for all of them, in order. Memory
        is for these and for one batch. Layers of one module, and others that go along with it, keep
        the states of the same moments.
    layers
        Which layers: names, as in `module.named_modules()`, of them or of parts that hold them, or
        classes; None for every `torch.nn.GRU`, `LSTM`, `RNN`, their `Cell` classes and
        `nullcline.training.UGRNN` and `LeakyRNN`. A recurrent module of another class is believed
        what it returns: its state, in the form in which it is given one, or outputs and then the
        state; if it reads sequences, its outputs must be its states.
    call
        How the model is called with a batch: ``call=lambda module, batch: module(*batch)``.
    lengths
        How long the sequences of a padded batch are, in steps of the layers: where in the batch
        that is, by a number or a name, or a function of the batch that returns it, shape (n,); or a
        mask of shape (n, T) that marks the first steps of each. None for what a mapping or an
        object has as "lengths" (or "length", "seq_lengths", "seq_lens", "attention_mask"), else all
        steps count. Beyond them is no state. A packed sequence knows its own. A `forward` that
        takes lengths is passed them.
    labels
        Where the label of each sequence is, likewise: shape (n,), numbers or texts. None for the
        second of two things, or what is called "labels" ("label", "targets", "target", "y").
    seed
        Seed of the draw. The same seed and batches give the same states.
    progress
        True for a bar on stderr, or a function that is called with the number of batches that are
        read and of all (0 where the loader does not say); what it raises ends the run.

    Returns
    -------
    dict of VisitedStates
        By layer and direction, in the model's order: "rnn.l0", "rnn.l0.reverse", "rnn.l1" of the
        part `rnn`, "l0" of a bare layer, and the name alone of a cell. Layers that were not called
        are left out. `.states` are starts for ``nullcline.find_fixed_points``; those of all layers
        of one module side by side are starts for a `Stack`.

    Raises
    ------
    ModuleNotFoundError
        If PyTorch is not installed.
    TypeError, ValueError
        If an argument has the wrong type or value; if the loader yields nothing, or what the module
        cannot be called with; if lengths or labels do not fit the layers; if no recurrent layer is
        found or called; if a layer does not step as its weights say, or diverges.
    MemoryError
        If memory is too small for a batch or for the states that are kept.
    KeyboardInterrupt
        After Ctrl-C; the hooks are removed then too.

    Notes
    -----
    The draw is algorithm R of Vitter, ACM Trans. Math. Softw. 11 (1985) 37. Within a batch, a call
    that is given a state which is not zero goes on where the last call of the layer ended, as in a
    loop over steps or chunks; any other begins new sequences. In a padded batch, the backward
    direction begins in the padding, as the module does, unless the batch is packed.
    """
    torch = framework("torch", "torch")
    from nullcline.interop._torch_module import unwrapped
    from nullcline.visits.batches import BatchReader

    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, not {type(module).__name__}")
    module = unwrapped(module)
    _require_loader(torch, loader)
    size = None if n_states is None else validation.whole_number("n_states", n_states, 1)
    seed = validation.whole_number("seed", seed, 0)
    for name, where in (("lengths", lengths), ("labels", labels)):
        if not (where is None or callable(where) or type(where) in {int, str}):
            raise TypeError(
                f"{name} must be a number or a name of something in a batch, or a function of it, "
                f"not {type(where).__name__}"
            )
    if not (call is None or callable(call)):
        raise TypeError(f"call must be a function of module and batch, not {type(call).__name__}")
    recorders = _recorders(module, layers, size, seed)
    reader = BatchReader(module, call, lengths, labels)
    with _evaluating(torch, module), _hooked(recorders):
        _run(module, loader, reader, recorders, progress)
    found = [recorder.results(_cells(recorder.module)) for recorder in recorders]
    return dict(chain.from_iterable(own.items() for own in found))


def _run(
    module: torch.nn.Module,
    loader: Iterable[Any],
    reader: Any,
    recorders: Sequence[Recorder],
    progress: bool | Report,
) -> None:
    """Call the model with every batch."""
    from nullcline.visits.batches import is_empty, moved

    device = next((part.device for part in chain(module.parameters(), module.buffers())), None)
    total = _length(loader)
    n_read = 0
    with reporter(progress, total, what="visited states", unit="batch") as report:
        for number, batch in enumerate(loader):
            try:
                if not is_empty(batch):
                    _read(moved(batch, device), number, reader, recorders)
                    n_read += 1
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                raise MemoryError(
                    f"memory is too small at batch {number} of loader: yield smaller batches, or "
                    f"keep fewer states by n_states=... ({error})"
                ) from error
            if report is not None:
                report(number + 1, total)
    if n_read == 0:
        raise ValueError(
            "loader must yield at least one batch that is not empty; an iterator that was read "
            "before yields nothing more"
        )
    uncalled = [recorder.name for recorder in recorders if not recorder.was_called]
    if len(uncalled) == len(recorders):
        raise ValueError(f"none of the module's recurrent layers was called: {', '.join(uncalled)}")


def _read(batch: Any, number: int, reader: Any, recorders: Sequence[Recorder]) -> None:
    """Call the model with a batch, and have its layers' states kept."""
    lengths, labels = reader.lengths(batch), reader.labels(batch)
    for recorder in recorders:
        recorder.start_batch(lengths, labels, labels_needed=reader.is_labelled)
    try:
        reader.call(batch, number)
    except Exception:
        _raise_failures(recorders)  # not what the model, or the reader, makes of them
        raise
    _raise_failures(recorders)  # which the model may have caught
    for recorder in recorders:
        recorder.end_batch()


def _raise_failures(recorders: Sequence[Recorder]) -> None:
    for recorder in recorders:
        if recorder.failure is not None:
            raise recorder.failure from recorder.failure.__cause__


def _length(loader: Any) -> int:
    """Return how many batches there are; 0 where the loader does not say."""
    try:
        return len(loader)
    except TypeError:
        return 0


def _require_loader(torch: Any, loader: Any) -> None:
    """Raise TypeError for what yields no batches, or parts of one."""
    if isinstance(loader, torch.nn.utils.rnn.PackedSequence):
        raise TypeError("loader must yield batches, and is one itself: pass [packed]")
    if isinstance(loader, dict):
        raise TypeError("loader must yield batches, and a dictionary yields its keys: pass [batch]")
    if isinstance(loader, torch.Tensor) or hasattr(loader, "__array__"):
        raise TypeError("loader must yield batches, and a tensor yields its rows: pass [tensor]")
    data = torch.utils.data
    if isinstance(loader, data.Dataset) and not isinstance(loader, data.IterableDataset):
        raise TypeError(
            "loader must yield batches, and a dataset yields examples: pass "
            "torch.utils.data.DataLoader(dataset, batch_size=...)"
        )
    if isinstance(loader, str | bytes) or not hasattr(loader, "__iter__"):
        raise TypeError(f"loader must be iterable, of batches, not {type(loader).__name__}")


def _recorders(
    module: torch.nn.Module,
    layers: str | type | Sequence[str | type] | None,
    size: int | None,
    seed: int,
) -> list[Recorder]:
    """Return what keeps the states of each layer that is wanted."""
    import torch

    from nullcline.visits.recorder import Recorder

    parts = dict(module.named_modules())
    chosen = _chosen(parts, layers)
    scripted = [name for name, part in parts.items() if isinstance(part, torch.jit.ScriptModule)]
    if not chosen and scripted:
        raise TypeError(
            f"module is of TorchScript{f' in {scripted[0]!r}' if scripted[0] else ''}, whose parts "
            "hooks do not hear: pass the module that it was made from"
        )
    if not chosen:
        raise ValueError(
            f"module has no recurrent layer of PyTorch's ({type(module).__name__}): name its own "
            "by layers=[...], names or classes"
        )
    return [Recorder(_plain(name), parts[name], size, seed) for name in parts if name in chosen]


def _plain(name: str) -> str:
    """Return a part's name without what `torch.compile` has added to it."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")


def _chosen(parts: dict[str, Any], layers: Any) -> set[str]:
    """Return the names of the layers that are wanted.

    Raises
    ------
    TypeError, ValueError
        If one is neither a name nor a class, or nothing in the module is called so.
    """
    from nullcline.visits.calls import is_known

    known = {name for name, part in parts.items() if is_known(part)}
    if layers is None:
        return known
    chosen: set[str] = set()
    several = isinstance(layers, list | tuple | set)
    if not (several or isinstance(layers, str | type)):
        raise TypeError(f"layers must hold names and classes, not be {type(layers).__name__}")
    wanted_ones = list(layers) if several else [layers]
    if not wanted_ones:
        raise ValueError("layers must hold at least one name or class, or be None for all")
    for wanted in wanted_ones:
        if isinstance(wanted, str):
            inside = {name for name in known if name == wanted or name.startswith(f"{wanted}.")}
            found = inside or {wanted} & set(parts)
        elif isinstance(wanted, type):
            found = {name for name, part in parts.items() if isinstance(part, wanted)}
        else:
            raise TypeError(f"layers must hold names and classes, not {wanted!r}")
        if not found:
            _require_no_part_of(wanted, known)
            raise ValueError(
                f"layers must name parts of the module, and there is no {wanted!r}; its recurrent "
                f"ones are {', '.join(sorted(known)) or 'none'}"
            )
        chosen |= found
    return chosen


def _require_no_part_of(wanted: Any, known: set[str]) -> None:
    """Raise for the name of a single layer of a module of several."""
    name, _, layer = re.sub(r"\.reverse$", "", str(wanted)).rpartition(".")
    if name in known and re.fullmatch(r"l\d+", layer):
        raise ValueError(
            f"layers must name parts of the module, and {wanted!r} is one layer of {name!r}: pass "
            f"layers={name!r}, and take [{wanted!r}] of what is returned"
        )


@contextmanager
def _hooked(recorders: Sequence[Recorder]) -> Iterator[None]:
    """Have recorders hear of every call of their modules."""
    with ExitStack() as hooks:
        for recorder in recorders:
            hook = recorder.module.register_forward_hook(recorder, with_kwargs=True)
            hooks.callback(hook.remove)
        yield


@contextmanager
def _evaluating(torch: Any, module: torch.nn.Module) -> Iterator[None]:
    """Run a model in evaluation mode, and leave its modes and random numbers as they were."""
    cards = {part.device.index for part in module.parameters() if part.device.type == "cuda"}
    modes = [(part, part.training) for part in module.modules()]
    with torch.random.fork_rng(sorted(cards)), torch.no_grad():
        try:
            module.eval()
            yield
        finally:
            for part, mode in modes:
                part.training = mode


def _cells(module: torch.nn.Module) -> dict[str, Any]:
    """Return the cell of each layer and direction; none where `from_torch` takes no such module."""
    from nullcline.cells.stack import directions
    from nullcline.interop.torch import from_torch

    try:
        layers = from_torch(module)
    except (TypeError, ValueError, NotImplementedError):
        return {}
    if not hasattr(module, "num_layers"):
        return {"": layers[0]}
    return {
        f"l{number}" + (".reverse" if way else ""): cell
        for number, layer in enumerate(layers)
        for way, cell in enumerate(directions(layer))
    }
