"""Collected states are those that the layers visit, each beside what led to it."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter, UserDict, namedtuple
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence

import nullcline as nc
from nullcline.training import UGRNN, LeakyRNN, SentimentRNN
from nullcline.visits.reservoir import Column, Reservoir
from nullcline.visits.unrolling import split_layers, whole_states
from testing.public_objects import same

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

LENGTHS = (3, 6, 1, 4)
D, H = 2, 5


def network(kind: str = "GRU", layers: int = 2, **options: Any) -> Any:
    torch.manual_seed(0)
    return getattr(nn, kind)(D, H, layers, dtype=torch.float64, **options)


def sequences(lengths: tuple[int, ...] = LENGTHS, seed: int = 1) -> list[torch.Tensor]:
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(rng.normal(size=(n, D))) for n in lengths]


def padded(seed: int = 1) -> torch.Tensor:
    """Return the sequences as one batch, (n, T, D), with noise for padding."""
    torch.manual_seed(2)
    batch = torch.randn(len(LENGTHS), max(LENGTHS), D, dtype=torch.float64)
    for row, sequence in zip(batch, sequences(seed=seed), strict=True):
        row[: len(sequence)] = sequence
    return batch


def assert_visited(found: nc.VisitedStates, *, like: Any = None) -> None:
    """Each state is where the compiled cell goes from the one before it, with its input."""
    cell: Any = found.cell if like is None else like
    stepped = cell.step(found.previous, found.inputs)
    np.testing.assert_allclose(found.states, stepped, rtol=0, atol=1e-13)


def assert_chained(
    found: nc.VisitedStates, lengths: tuple[int, ...], start: Any = 0.0, atol: float = 0.0
) -> None:
    """All states of all sequences are there, in order, each after its predecessor."""
    expected = [(i, t) for i, n in enumerate(lengths) for t in range(n)]
    assert list(zip(found.sequences, found.positions, strict=True)) == expected
    way = -1 if found.layer.endswith("reverse") else 1
    starts = np.broadcast_to(start, (len(lengths), found.states.shape[1]))
    for i in range(len(lengths)):
        own = found[found.sequences == i]
        states, previous = own.states[::way], own.previous[::way]
        np.testing.assert_allclose(previous[1:], states[:-1], rtol=0, atol=atol)
        np.testing.assert_array_equal(previous[0], starts[i])


# The reservoir


@pytest.mark.parametrize(("n", "k"), [(4, 2), (5, 3), (3, 3), (2, 4), (6, 1)])
def test_every_subset_is_drawn_equally_often(n: int, k: int) -> None:
    """Over all draws of algorithm R, which are equally likely: exactly."""
    found: Counter[tuple[int, ...]] = Counter()
    for draws in itertools.product(*(range(i + 1) for i in range(min(k, n), n))):
        reservoir = Reservoir(k, 0)
        reservoir._random = Scripted(draws)  # type: ignore[assignment]
        slots, rows = reservoir.offer(n)
        assert len(set(slots.tolist())) == len(slots) == min(k, n)
        found[tuple(sorted(rows.tolist()))] += 1
    assert set(found) == set(itertools.combinations(range(n), min(k, n)))
    assert len(set(found.values())) == 1


class Scripted:
    """Draws that are given."""

    def __init__(self, draws: tuple[int, ...]) -> None:
        self.draws = np.array(draws, np.int64)

    def integers(self, low: int, high: NDArray[np.int64]) -> NDArray[np.int64]:
        assert low == 0
        assert (self.draws < high).all()
        return self.draws


def test_every_state_is_drawn_equally_often_over_seeds() -> None:
    """Within six standard deviations of a binomial count, for the inclusions and their order."""
    n, k, seeds = 7, 3, 3000
    inclusions, firsts = np.zeros(n), np.zeros(n)
    for seed in range(seeds):
        reservoir, kept = Reservoir(k, seed), np.zeros(k, np.int64)
        for part in (range(2), range(2, 5), range(5, n)):
            slots, rows = reservoir.offer(len(part))
            kept[slots] = np.array(part)[rows]
        drawn = kept[reservoir.order()]
        inclusions[drawn] += 1
        firsts[drawn[0]] += 1
    for counts, p in ((inclusions, k / n), (firsts, 1 / n)):
        assert (np.abs(counts - seeds * p) < 6 * np.sqrt(seeds * p * (1 - p))).all()


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 12), st.integers(0, 99))
def test_the_draw_does_not_depend_on_the_parts(parts: list[int], k: int, seed: int) -> None:
    total = sum(parts)
    whole, by_parts = Reservoir(k, seed), Reservoir(k, seed)
    expected = np.full(k, -1)
    slots, rows = whole.offer(total)
    expected[slots] = rows
    found, begin = np.full(k, -1), 0
    for part in parts:
        slots, rows = by_parts.offer(part)
        found[slots] = rows + begin
        begin += part
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(by_parts.order(), whole.order())


def test_a_column_grows_with_its_slots_and_its_texts() -> None:
    column = Column()
    column.put(np.array([0, 1]), np.array(["a", "b"]))
    column.put(np.array([1, 4]), np.array(["longer", "c"]))
    assert column.rows(np.array([4, 1, 0])).tolist() == ["c", "longer", "a"]


def test_a_long_stream_takes_the_memory_of_its_sample() -> None:
    reservoir, column = Reservoir(5, 0), Column()
    for begin in range(0, 10_000, 100):
        slots, rows = reservoir.offer(100)
        column.put(slots, rows + begin)
    assert column._array is not None
    assert len(column._array) <= 2 * 5
    assert len(set(column.rows(reservoir.order()).tolist())) == 5


# What is collected


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("kind", ["GRU", "LSTM", "RNN"])
@pytest.mark.parametrize("form", ["padded", "batch first", "packed", "packed sorted", "single"])
def test_states_are_steps_of_the_cells(kind: str, form: str, bidirectional: bool) -> None:
    options = {"batch_first": form == "batch first", "bidirectional": bidirectional}
    rnn = network(kind, dropout=0.5, **options)
    lengths = LENGTHS
    batches: list[Any] = [pack_sequence(sequences(), enforce_sorted=False)]
    if form == "packed sorted":
        lengths = (6, 4, 3, 1)
        batches = [pack_sequence(sequences(lengths))]
    elif form == "single":
        batches = [*sequences()]
    elif form != "packed":
        lengths = (6,) * 4
        batches = [padded() if form == "batch first" else padded().transpose(0, 1)]
    found = nc.collect_states(rnn, batches, n_states=None)
    ways = ("", ".reverse") if bidirectional else ("",)
    assert list(found) == [f"l{layer}{way}" for layer in range(2) for way in ways]
    for visited in found.values():
        assert visited.states.dtype == np.float64
        assert visited.n_visited == len(visited) == sum(lengths)
        assert_visited(visited)
        assert_chained(visited, lengths)
    above = [found[f"l0{way}"].states[:, :H] for way in ways]
    np.testing.assert_array_equal(found["l1"].inputs, np.concatenate(above, axis=1))
    if form == "packed":
        np.testing.assert_array_equal(found["l0"].inputs, np.concatenate(sequences()))
    assert rnn.training


@pytest.mark.parametrize("kind", ["GRU", "LSTM"])
@pytest.mark.parametrize("packed", [False, True])
def test_states_that_the_model_passes_are_the_first_before(kind: str, packed: bool) -> None:
    rnn = network(kind, bidirectional=True, batch_first=True)
    h = torch.randn(4, 4, H, dtype=torch.float64)
    given = (h, 2 * h) if kind == "LSTM" else h
    batch: Any = pack_sequence(sequences(), enforce_sorted=False) if packed else padded()
    found = nc.collect_states(rnn, [batch], n_states=None, call=lambda model, x: model(x, given))
    for i, visited in enumerate(found.values()):
        start = torch.cat([h[i], 2 * h[i]], dim=1) if kind == "LSTM" else h[i]
        assert_visited(visited)
        assert_chained(visited, LENGTHS if packed else (6,) * 4, start.numpy())


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("packed", [False, True])
def test_a_projected_lstm_has_states_and_no_cell(packed: bool) -> None:
    rnn = network("LSTM", proj_size=3, bidirectional=True, batch_first=True)
    batch: Any = pack_sequence(sequences(), enforce_sorted=False) if packed else padded()
    found = nc.collect_states(rnn, [batch], n_states=None)
    lengths = LENGTHS if packed else (6,) * 4
    _, (h_n, c_n) = rnn(batch)
    for i, visited in enumerate(found.values()):
        assert visited.cell is None
        assert_chained(visited, lengths)
        last = visited.positions == (0 if i % 2 else np.array(lengths)[visited.sequences] - 1)
        whole = torch.cat([h_n[i], c_n[i]], dim=1).detach()
        np.testing.assert_allclose(visited.states[last], whole, rtol=0, atol=1e-14)
        assert visited.states.shape[1] == 3 + H


class Classifier(nn.Module):
    """Embeds, reads, packs if it is told lengths, and classifies."""

    def __init__(self, kind: str = "GRU", *, pack: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(20, 3)
        self.rnn = getattr(nn, kind)(3, H, 2, batch_first=True, dropout=0.3)
        self.norm = nn.BatchNorm1d(H)
        self.head = nn.Linear(H, 2)
        self.pack = pack

    def forward(self, tokens: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        x: Any = self.embedding(tokens)
        if self.pack and lengths is not None:
            x = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, last = self.rnn(x)
        last = last[0] if isinstance(last, tuple) else last
        scores: torch.Tensor = self.head(nn.functional.dropout(self.norm(last[-1])))
        return scores


TOKENS = torch.arange(4 * 6).reshape(4, 6) % 19 + 1
LABELS = torch.tensor([1, 0, 1, 0])
X = padded()
Pair = namedtuple("Pair", "tokens lengths labels")


class Batch:
    """What a library of one's own yields."""

    def __init__(self, tokens: torch.Tensor, lengths: torch.Tensor) -> None:
        self.tokens, self.lengths, self.y = tokens, lengths, ["no", "yes", "no", "maybe"]
        self.was_moved = False

    def to(self, device: Any) -> Batch:
        self.was_moved = str(device) == "cpu"
        return self


def read_batch(model: Any, batch: Any) -> None:
    assert batch.was_moved
    model(batch.tokens)


LOADERS: dict[str, tuple[Any, dict[str, Any], Any, Any]] = {
    "tensors": ([TOKENS], {}, None, None),
    "inputs and labels": ([(TOKENS, LABELS)], {}, None, LABELS.tolist()),
    "a list of two": ([[TOKENS, LABELS[:, None]]], {}, None, LABELS.tolist()),
    "arrays of NumPy": ([(TOKENS.numpy(), LABELS.numpy())], {}, None, LABELS.tolist()),
    "two inputs": ([(TOKENS, torch.zeros(4, 6))], {}, None, None),
    "lengths at a number": (
        [(TOKENS, LABELS, torch.tensor(LENGTHS))],
        {"lengths": 2, "labels": 1},
        LENGTHS,
        LABELS.tolist(),
    ),
    "a function of the batch": (
        [(TOKENS, LABELS)],
        {"lengths": lambda batch: torch.full((len(batch[0]),), 2)},
        (2,) * 4,
        LABELS.tolist(),
    ),
    "a dictionary": (
        [{"tokens": TOKENS, "lengths": torch.tensor(LENGTHS), "labels": LABELS, "id": "x"}],
        {},
        LENGTHS,
        LABELS.tolist(),
    ),
    "another mapping": ([UserDict(tokens=TOKENS, n=LENGTHS)], {"lengths": "n"}, LENGTHS, None),
    "a named tuple": (
        [Pair(TOKENS, torch.tensor(LENGTHS), LABELS)],
        {},
        LENGTHS,
        LABELS.tolist(),
    ),
    "an object": (
        [Batch(TOKENS, torch.tensor(LENGTHS))],
        {"call": read_batch},
        LENGTHS,
        ["no", "yes", "no", "maybe"],
    ),
    "a call": (
        [{"deep": (TOKENS, LENGTHS)}],
        {"call": lambda model, batch: model(batch["deep"][0])},
        None,
        None,
    ),
    "a generator": ((batch for batch in [(TOKENS, LABELS)]), {}, None, LABELS.tolist()),
    "empty ones between": (
        [(TOKENS[:0], LABELS[:0]), (TOKENS, LABELS), None, [], {}],
        {},
        None,
        LABELS.tolist(),
    ),
    "a data loader": (
        torch.utils.data.DataLoader(torch.utils.data.TensorDataset(TOKENS, LABELS), batch_size=3),
        {},
        None,
        LABELS.tolist(),
    ),
}


@pytest.mark.parametrize("case", LOADERS)
def test_loaders_of_every_kind_are_read(case: str) -> None:
    loader, options, lengths, labels = LOADERS[case]
    model = Classifier()
    found = nc.collect_states(model, loader, n_states=None, **options)
    assert list(found) == ["rnn.l0", "rnn.l1"]
    visited = found["rnn.l0"]
    n_steps = (6,) * 4 if lengths is None else lengths
    assert_chained(visited, n_steps)
    tokens = TOKENS[visited.sequences, visited.positions]
    np.testing.assert_array_equal(visited.inputs, model.embedding(tokens).detach())
    assert visited.states.dtype == np.float32
    if labels is None:
        assert visited.labels is None
    else:
        assert visited.labels is not None
        assert visited.labels.tolist() == [labels[i] for i in visited.sequences]


def test_lengths_that_the_model_takes_are_passed_to_it() -> None:
    class Strict(Classifier):
        def forward(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return super().forward(tokens, lengths)

    batch = (TOKENS, LABELS, torch.tensor(LENGTHS))
    for model in (Strict(pack=True), Strict(pack=False)):
        found = nc.collect_states(model, [batch], n_states=None, lengths=2)
        assert_chained(found["rnn.l1"], LENGTHS)
    with pytest.raises(ValueError, match=r"say where the lengths are in a batch, as lengths=1, or"):
        nc.collect_states(Strict(), [batch])


def test_numbers_of_sequences_go_on_from_batch_to_batch() -> None:
    one = nc.collect_states(Classifier(), [(TOKENS, LABELS)], n_states=None)["rnn.l1"]
    parts = [(TOKENS[:1], LABELS[:1]), (TOKENS[1:], LABELS[1:])]
    two = nc.collect_states(Classifier(), parts, n_states=None)["rnn.l1"]
    for name in ("positions", "sequences", "labels"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    np.testing.assert_allclose(one.states, two.states, atol=1e-6)


# The sample


def test_layers_keep_the_states_of_the_same_moments() -> None:
    rnn = network("LSTM", bidirectional=True)
    batches = [pack_sequence(sequences(seed=i), enforce_sorted=False) for i in range(3)]
    every = nc.collect_states(rnn, batches, n_states=None)
    found = nc.collect_states(rnn, batches, n_states=20)
    first = found["l0"]
    assert len({*zip(first.sequences, first.positions, strict=True)}) == 20
    assert first.n_visited == 3 * sum(LENGTHS)
    for name, visited in found.items():
        np.testing.assert_array_equal(visited.sequences, first.sequences)
        np.testing.assert_array_equal(visited.positions, first.positions)
        whole = every[name]
        rows = [
            int(np.flatnonzero((whole.sequences == i) & (whole.positions == t))[0])
            for i, t in zip(visited.sequences, visited.positions, strict=True)
        ]
        assert same(replace(whole[rows], cell=visited.cell), visited)
    stack = nc.Stack(nc.from_torch(rnn))
    starts = np.concatenate([visited.states for visited in found.values()], axis=1)
    assert starts.shape == (20, stack.state_size)
    points = nc.find_fixed_points(stack, starts)
    assert set(points.kind) == {"fixed"}


def test_the_draw_is_seeded() -> None:
    rnn, batch = network(layers=1), padded().transpose(0, 1)

    def drawn(**options: Any) -> nc.VisitedStates:
        return nc.collect_states(rnn, [batch], **options)["l0"]

    assert same(replace(drawn(n_states=5), cell=None), replace(drawn(n_states=5), cell=None))
    assert not np.array_equal(drawn(n_states=5).states, drawn(n_states=5, seed=1).states)
    few, whole = drawn(n_states=1000), drawn(n_states=None)
    assert len(few) == len(whole) == 24
    assert few.positions.tolist() != whole.positions.tolist()  # in random order
    assert_visited(few)


def test_states_are_starts_of_a_search() -> None:
    visited = nc.collect_states(Classifier("LSTM"), [TOKENS], n_states=10)["rnn.l1"]
    points = nc.find_fixed_points(visited.cell, visited.states)  # type: ignore[arg-type]
    assert set(points.kind) == {"fixed"}


# Nothing is left behind


def state_of(model: nn.Module) -> Any:
    modes = [part.training for part in model.modules()]
    hooks = [len(part._forward_hooks) for part in model.modules()]
    values = {name: value.clone() for name, value in model.state_dict().items()}
    return modes, hooks, values, torch.get_rng_state()


def assert_unchanged(model: nn.Module, before: Any) -> None:
    after = state_of(model)
    assert after[:2] == before[:2]
    torch.testing.assert_close((after[2], after[3]), (before[2], before[3]), rtol=0, atol=0)


def interrupted() -> Iterator[Any]:
    yield TOKENS
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("loader", "error"),
    [
        ([TOKENS, TOKENS], None),
        ([TOKENS, "no tensor"], ValueError),
        (interrupted(), KeyboardInterrupt),
    ],
)
def test_a_model_is_left_as_it_was(loader: Any, error: type[BaseException] | None) -> None:
    """Its modes, even mixed ones, its hooks, its statistics and the random numbers."""
    model = Classifier()
    model.rnn.eval()
    model.rnn.register_forward_hook(lambda *_: None)
    before = state_of(model)
    if error is None:
        nc.collect_states(model, loader, n_states=4)
    else:
        with pytest.raises(error):
            nc.collect_states(model, loader, n_states=4)
    assert_unchanged(model, before)
    assert all(part.grad is None for part in model.parameters())


def test_shuffling_takes_no_random_numbers_from_the_user() -> None:
    data = torch.utils.data.TensorDataset(TOKENS, LABELS)
    loader = torch.utils.data.DataLoader(data, batch_size=2, shuffle=True)
    model = Classifier()
    before = torch.get_rng_state()
    nc.collect_states(model, loader)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "error",
    [MemoryError("Unable to allocate 9 TiB"), RuntimeError("CUDA error: out of memory, 9 TiB")],
)
def test_memory_that_is_too_small_is_named(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise error

    model = Classifier()
    before = state_of(model)
    monkeypatch.setattr(Column, "put", full)
    with pytest.raises(MemoryError, match=r"too small at batch 0 .* n_states=.* 9 TiB"):
        nc.collect_states(model, [TOKENS])
    assert_unchanged(model, before)


def test_progress_counts_batches(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[tuple[int, int]] = []
    nc.collect_states(Classifier(), [TOKENS] * 3, progress=lambda *of: seen.append(of))
    nc.collect_states(Classifier(), iter([TOKENS]), progress=lambda *of: seen.append(of))
    assert seen == [(1, 3), (2, 3), (3, 3), (1, 0)]
    nc.collect_states(Classifier(), [TOKENS], progress=True)
    assert "visited states: 100%" in capsys.readouterr().err


# Modules of other kinds


class Loop(nn.Module):
    """Steps a cell over sequences (n, T, D), from zero, or as its state was."""

    def __init__(self, cell: nn.Module, *, times: int = 1, zeros: bool = False) -> None:
        super().__init__()
        self.cell = cell
        self.times, self.zeros = times, zeros

    def forward(self, x: torch.Tensor) -> Any:
        for _ in range(self.times):
            state = x.new_zeros(len(x), H) if self.zeros else None
            for t in range(x.shape[1]):
                state = self.cell(x[:, t], state) if state is not None else self.cell(x[:, t])
        return state


@pytest.mark.parametrize("kind", ["GRUCell", "LSTMCell", "RNNCell"])
def test_cells_in_a_loop_are_read_step_by_step(kind: str) -> None:
    torch.manual_seed(0)
    model = Loop(getattr(nn, kind)(D, H, dtype=torch.float64))
    batch = {"x": padded(), "lengths": torch.tensor(LENGTHS)}
    found = nc.collect_states(model, [batch, batch], n_states=None)
    assert list(found) == ["cell"]
    visited = found["cell"]
    assert len(visited) == 2 * sum(LENGTHS)
    assert_visited(visited)
    order = np.lexsort((visited.positions, visited.sequences))
    assert_chained(visited[order], LENGTHS * 2)


def test_a_bare_cell_and_one_state_are_read() -> None:
    cell = nn.GRUCell(D, H, dtype=torch.float64)
    found = nc.collect_states(cell, [torch.ones(D, dtype=torch.float64)], n_states=None)
    assert list(found) == ["cell"]
    assert_visited(found["cell"])


@pytest.mark.parametrize("zeros", [False, True])
def test_a_second_run_from_zero_begins_anew(zeros: bool) -> None:
    model = Loop(nn.GRUCell(D, H, dtype=torch.float64), times=2, zeros=zeros)
    visited = nc.collect_states(model, [padded()], n_states=None)["cell"]
    assert np.bincount(visited.positions).tolist() == [8] * 6


@pytest.mark.parametrize("chunk", [1, 2])
def test_a_layer_that_is_called_in_parts_goes_on(chunk: int) -> None:
    class Parts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = network("LSTM", batch_first=True)

        def forward(self, x: Any, lengths: Any = None) -> None:
            del lengths
            state = None
            for part in x.split(chunk, dim=1):
                state = self.rnn(part, state)[1]

    batch = {"x": padded(), "lengths": torch.tensor(LENGTHS)}
    found = nc.collect_states(Parts(), [batch], n_states=None)
    for visited in found.values():
        assert_visited(visited)
        order = np.lexsort((visited.positions, visited.sequences))
        # oneDNN's rounding of an LSTM's layers depends on how many there are.
        assert_chained(visited[order], LENGTHS, atol=1e-15)


def test_our_own_networks_are_read_as_the_study_reads_them() -> None:
    torch.manual_seed(0)
    own: dict[Any, Any] = {
        nc.UGRNN: UGRNN(D, H, 2, batch_first=True).double(),
        nc.LeakyRNN: LeakyRNN(D, H, 2, alpha=0.3, batch_first=True).double(),
    }
    for cell, model in own.items():
        for visited in nc.collect_states(model, [padded()], n_states=None).values():
            assert isinstance(visited.cell, cell)
            assert_visited(visited)
            assert_chained(visited, (6,) * 4)
    sentiment = SentimentRNN(20, cell="lstm", layers=2, hidden_size=H, embedding_size=3).eval()
    inputs = sentiment.embedding(TOKENS)
    batch = (TOKENS, torch.full((4,), 6), LABELS)
    found = nc.collect_states(sentiment, [batch], n_states=None, lengths=1, labels=2)
    with torch.no_grad():
        for layer, visited in zip(split_layers(sentiment.rnn), found.values(), strict=True):
            outputs, _ = layer(inputs)
            states = whole_states(layer, inputs, outputs).reshape(24, -1)
            np.testing.assert_allclose(visited.states, states, rtol=0, atol=1e-6)
            inputs = outputs


def test_weights_that_are_computed_are_those_of_the_call() -> None:
    rnn = network()
    torch.nn.utils.parametrizations.weight_norm(rnn, "weight_hh_l0")
    with torch.no_grad():
        rnn.parametrizations.weight_hh_l0.original0 *= 2.0
    for visited in nc.collect_states(rnn, [padded().transpose(0, 1)], n_states=None).values():
        assert_visited(visited)


def test_lower_layers_have_the_modules_own_nonlinearity() -> None:
    rnn = network("RNN", nonlinearity="relu")
    for visited in nc.collect_states(rnn, [padded()], n_states=None).values():
        assert (visited.states >= 0).all()
        assert_visited(visited)


def test_narrow_types_are_kept_as_float32() -> None:
    rnn = network().bfloat16()
    visited = nc.collect_states(rnn, [padded().bfloat16()], n_states=None)["l0"]
    assert visited.states.dtype == visited.inputs.dtype == np.float32
    assert len(visited) == 24


def test_what_a_hook_finds_is_said_even_where_the_model_hides_it() -> None:
    class Hiding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = Altered(2, H).double()

        def forward(self, x: torch.Tensor) -> None:
            with contextlib.suppress(ValueError):
                self.rnn(x)

    with pytest.raises(ValueError, match="rnn ends l0 in another state than its weights lead to"):
        nc.collect_states(Hiding(), [padded()])


BESIDE = torch.arange(6) < torch.tensor(LENGTHS)[:, None]
"""A mask of the steps that count."""


@pytest.mark.parametrize(
    ("batch", "lengths"),
    [
        ((TOKENS, BESIDE), 1),
        ((TOKENS, BESIDE.long()), lambda batch: batch[1]),
        ({"tokens": TOKENS, "attention_mask": BESIDE.long()}, None),
        ((TOKENS, torch.tensor(LENGTHS).double()), 1),
    ],
)
def test_a_mask_tells_lengths_as_numbers_do(batch: Any, lengths: Any) -> None:
    found = nc.collect_states(Classifier(), [batch], lengths=lengths, n_states=None)
    assert_chained(found["rnn.l1"], LENGTHS)


def test_a_mask_that_begins_in_the_padding_is_refused() -> None:
    batch = {"tokens": TOKENS, "attention_mask": BESIDE.flip(1)}
    with pytest.raises(ValueError, match="must mark the first steps of each sequence: pad at the"):
        nc.collect_states(Classifier(), [batch])
    found = nc.collect_states(Classifier(), [batch], lengths=lambda _: None, n_states=None)
    assert_chained(found["rnn.l0"], (6, 6, 6, 6))


Texts = namedtuple("Texts", "tokens lengths label")


@pytest.mark.parametrize(
    ("batch", "lengths"),
    [
        ((TOKENS, torch.tensor(LENGTHS), torch.ones(4)), 1),
        (Texts(TOKENS, torch.tensor(LENGTHS), torch.ones(4)), None),
        (((TOKENS, torch.tensor(LENGTHS)), torch.ones(4)), None),
    ],
)
def test_lengths_are_passed_to_a_model_that_may_take_them(batch: Any, lengths: Any) -> None:
    class MustPack(Classifier):
        def forward(self, tokens: torch.Tensor, lengths: Any = None) -> torch.Tensor:
            assert lengths is not None
            return super().forward(tokens, lengths)

    found = nc.collect_states(MustPack(pack=True), [batch], lengths=lengths, n_states=None)
    assert_chained(found["rnn.l1"], LENGTHS)


def test_where_lengths_may_be_is_said_where_a_model_lacks_them() -> None:
    class MustPack(Classifier):
        def forward(self, tokens: torch.Tensor, lengths: Any = None) -> torch.Tensor:
            return super().forward(tokens, lengths.cpu())

    with pytest.raises(ValueError, match="say where the lengths are in a batch, as lengths=1, or"):
        nc.collect_states(MustPack(pack=True), [(TOKENS, torch.tensor(LENGTHS), torch.ones(4))])


def test_one_layer_of_a_module_is_taken_from_what_is_returned() -> None:
    for name in ("rnn.l1", "rnn.l1.reverse"):
        with pytest.raises(ValueError, match=rf"pass layers='rnn', and take \['{name}'\]"):
            nc.collect_states(Classifier(), [TOKENS], layers=name)


def test_lengths_as_the_second_of_two_are_no_labels() -> None:
    batch = (TOKENS, torch.tensor(LENGTHS))
    visited = nc.collect_states(Classifier(), [batch], lengths=1, n_states=None)["rnn.l0"]
    assert_chained(visited, LENGTHS)
    assert visited.labels is None


class Leaky(nn.Module):
    """A cell of one's own, in the form of PyTorch's."""

    def __init__(self) -> None:
        super().__init__()
        self.within = nn.Linear(D + H, H, dtype=torch.float64)

    def forward(self, x: torch.Tensor, h: torch.Tensor | None = None) -> torch.Tensor:
        h = x.new_zeros(*x.shape[:-1], H) if h is None else h
        return 0.5 * h + 0.5 * torch.tanh(self.within(torch.cat([x, h], dim=-1)))


class LeakyLayer(nn.Module):
    """A layer of one's own: outputs and last state."""

    def __init__(self, *, twice: bool = False, first: bool = True) -> None:
        super().__init__()
        self.cell, self.twice, self.first = Leaky(), twice, first

    def forward(self, x: torch.Tensor, h: torch.Tensor | None = None) -> Any:
        h = x.new_zeros(1, x.shape[0 if self.first else 1], H) if h is None else h
        states = []
        for step in x.unbind(1 if self.first else 0):
            h = self.cell(step, h[0])[None]
            states.append(h[0])
        outputs = torch.stack(states, 1 if self.first else 0)
        return (2 * outputs if self.twice else outputs), h


@pytest.mark.parametrize("layers", ["cell", Leaky, ["cell"], [nn.GRU, Leaky]])
def test_a_cell_of_another_class_is_believed_its_state(layers: Any) -> None:
    model: Any = Loop(Leaky())
    model.other = network()
    if isinstance(layers, list) and nn.GRU in layers:
        model = nn.Sequential(model)  # whose names differ
        layers = [nn.GRU, Leaky]
    found = nc.collect_states(model, [padded()], n_states=None, layers=layers)
    (visited,) = found.values()
    assert visited.cell is None
    step: Any = model[0].cell if isinstance(model, nn.Sequential) else model.cell
    after = step(torch.from_numpy(visited.inputs), torch.from_numpy(visited.previous))
    np.testing.assert_allclose(visited.states, after.detach(), rtol=0, atol=1e-15)
    assert_chained(visited[np.lexsort((visited.positions, visited.sequences))], (6,) * 4)


@pytest.mark.parametrize("first", [True, False])
def test_a_layer_of_another_class_is_read_where_its_outputs_are_its_states(first: bool) -> None:
    model = LeakyLayer(first=first)
    batch = padded() if first else padded().transpose(0, 1)
    visited = nc.collect_states(model, [batch], n_states=None, layers=LeakyLayer)["cell"]
    after = model.cell(torch.from_numpy(visited.inputs), torch.from_numpy(visited.previous))
    np.testing.assert_allclose(visited.states, after.detach(), rtol=0, atol=1e-15)
    assert_chained(visited, (6,) * 4)
    with pytest.raises(ValueError, match="LeakyLayer puts out something else than its states"):
        nc.collect_states(LeakyLayer(twice=True), [padded()], layers=LeakyLayer)


def test_layers_are_chosen_by_name_of_a_part() -> None:
    model = nn.ModuleDict({"encoder": Classifier(), "decoder": network()})
    found = nc.collect_states(
        model, [TOKENS], layers="encoder", call=lambda model, x: model["encoder"](x)
    )
    assert list(found) == ["encoder.rnn.l0", "encoder.rnn.l1"]
    both = nc.collect_states(model, [TOKENS], call=lambda model, x: model["encoder"](x))
    assert list(both) == list(found)  # what is not called is left out


def test_a_compiled_part_is_called_what_it_was() -> None:
    compiled = nn.ModuleDict({"_orig_mod": network()})  # as torch.compile wraps a part
    model = nn.ModuleDict({"rnn": compiled})
    found = nc.collect_states(model, [X], call=lambda _, x: compiled["_orig_mod"](x))
    assert list(found) == ["rnn.l0", "rnn.l1"]


class Wide(nn.GRU):
    """Is made of other arguments than the class that it extends."""

    def __init__(self, layers: int) -> None:
        super().__init__(D, H, layers, dtype=torch.float64)


def test_a_class_that_is_made_otherwise_is_read_too() -> None:
    for visited in nc.collect_states(Wide(3), [X], n_states=None).values():
        assert_visited(visited)


class Altered(nn.GRU):
    """Steps in another way than its weights say."""

    def forward(self, *args: Any) -> Any:
        outputs, last = super().forward(*args)
        return outputs, last * 0.9


class Normed(nn.GRU):
    """Puts out something else than its states."""

    def forward(self, *args: Any) -> Any:
        outputs, last = super().forward(*args)
        return nn.functional.layer_norm(outputs, outputs.shape[-1:]), last


def run(model: Any, loader: Any, **options: Any) -> Any:
    return lambda: nc.collect_states(model, loader, **options)


def diverging() -> Any:
    rnn = network("RNN", nonlinearity="relu")
    with torch.no_grad():
        rnn.weight_hh_l0.fill_(1e300)
    return rnn


BAD: dict[str, tuple[Any, type[Exception], str]] = {
    "no module": (
        run(nc.from_torch(network()), [X]),
        TypeError,
        "module must be a torch.nn.Module",
    ),
    "no recurrent layer": (run(nn.Linear(2, 2), [X]), ValueError, "no recurrent layer of PyTorch"),
    "a tensor": (run(network(), X), TypeError, r"tensor yields its rows: pass \[tensor\]"),
    "an array": (run(network(), X.numpy()), TypeError, r"yields its rows: pass \[tensor\]"),
    "a packed sequence": (
        run(network(), pack_sequence(sequences((3, 2)))),
        TypeError,
        r"is one itself: pass \[packed\]",
    ),
    "a dictionary": (run(network(), {"x": X}), TypeError, r"yields its keys: pass \[batch\]"),
    "a text": (run(network(), "abc"), TypeError, "loader must be iterable, of batches, not str"),
    "nothing to iterate": (run(network(), 3), TypeError, "loader must be iterable"),
    "a dataset": (
        run(network(), torch.utils.data.TensorDataset(X)),
        TypeError,
        r"a dataset yields examples: pass torch.utils.data.DataLoader",
    ),
    "an empty loader": (run(network(), []), ValueError, "yield at least one batch that is not"),
    "empty batches": (run(network(), [X[:0], []]), ValueError, "one batch that is not empty"),
    "too few states": (run(network(), [X], n_states=0), ValueError, "n_states must lie between 1"),
    "half a state": (run(network(), [X], n_states=1.5), TypeError, "n_states must be an integer"),
    "a negative seed": (run(network(), [X], seed=-1), ValueError, "seed must lie between 0"),
    "no call": (run(network(), [X], call=3), TypeError, "call must be a function of module and"),
    "no place": (run(network(), [X], lengths=[3]), TypeError, "lengths must be a number or a name"),
    "no progress": (run(network(), [X], progress="yes"), TypeError, "progress must be True"),
    "an unknown layer": (
        run(Classifier(), [TOKENS], layers="lstm"),
        ValueError,
        "there is no 'lstm'; its recurrent ones are rnn",
    ),
    "no layers": (run(Classifier(), [TOKENS], layers=[]), ValueError, "layers must hold at least"),
    "layers that are a number": (
        run(network(), [X], layers=0.5),
        TypeError,
        "layers must hold names and classes, not be float",
    ),
    "layers of no kind": (run(network(), [X], layers=[3]), TypeError, "names and classes, not 3"),
    "a batch of another width": (
        run(network(), [X[..., :1]]),
        ValueError,
        r"could not be called on batch 0 of loader, as module\(float64 \(4, 6, 1\)\): .*; say how",
    ),
    "keys that fit nothing": (
        run(Classifier(), [{"words": TOKENS}]),
        ValueError,
        "loader yields 'words', and the module's forward takes tokens, lengths: say how by call=",
    ),
    "a place beyond": (run(network(), [X], labels=4), ValueError, "labels=4 is nothing in a batch"),
    "a name beyond": (
        run(Classifier(), [{"tokens": TOKENS}], lengths="n"),
        ValueError,
        "lengths='n' is nothing in a batch of loader, which is a mapping of 'tokens'",
    ),
    "lengths that are no numbers": (
        run(network(), [X], lengths=lambda _: [1.5] * 6),
        TypeError,
        "lengths must be whole numbers, not torch.float32",
    ),
    "negative lengths": (
        run(network(), [X], lengths=lambda _: [-1] * 6),
        ValueError,
        "lengths must not be negative",
    ),
    "too few lengths": (
        run(network(), [X], lengths=lambda _: [3, 3]),
        ValueError,
        "lengths must be one for each of the 6 sequences of GRU, not 2",
    ),
    "lengths beyond the steps": (
        run(network(), [X], lengths=lambda _: [5] * 6),
        ValueError,
        "lengths must be of the steps of GRU, which made 4, not 5",
    ),
    "labels for other sequences": (
        run(network(), [(X, LABELS)], labels=1),
        ValueError,
        "labels must be one for each of the 6 sequences of GRU, in every batch, not 4",
    ),
    "labels of many": (
        run(network(), [(X, X)], labels=1),
        ValueError,
        "labels must be one number or text for each sequence, not float64 of shape",
    ),
    "labels in one batch alone": (
        run(network(batch_first=True), [(X, LABELS), X]),
        ValueError,
        "in every batch, not none",
    ),
    "another step": (run(Altered(2, H).double(), [X]), ValueError, "Altered ends l0 in another"),
    "other outputs": (run(Normed(2, H).double(), [X]), ValueError, "does not put out its states"),
    "a layer that is not called": (
        run(Classifier(), [TOKENS], call=lambda model, x: model.embedding(x)),
        ValueError,
        "none of the module's recurrent layers was called: rnn",
    ),
    "a network that diverges": (run(diverging(), [X * 1e300]), ValueError, "are not finite"),
    "no state": (
        run(nn.Sequential(nn.Linear(2, 3).double()), [X], layers=nn.Linear),
        ValueError,
        "does not say by batch_first whether sequences come first",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case: str) -> None:
    call, error, message = BAD[case]
    with pytest.raises(error, match=message):
        call()


# The result

VISITED = nc.collect_states(Classifier(), [(TOKENS, LABELS)], n_states=15)["rnn.l1"]


def test_rows_are_chosen_as_an_array_is_indexed() -> None:
    late = VISITED[VISITED.positions > 2]
    assert 0 < len(late) < 15
    np.testing.assert_array_equal(late.states, VISITED.states[VISITED.positions > 2])
    assert late.n_visited == 24
    assert len(VISITED[3]) == len(next(iter(VISITED))) == 1
    assert VISITED[[4, 2]].positions.tolist() == VISITED.positions[[4, 2]].tolist()
    with pytest.raises(TypeError, match=r"visited.states"):
        np.asarray(VISITED)
    with pytest.raises(TypeError, match="rows alone"):
        VISITED[0, 1]


def test_it_says_what_it_is() -> None:
    assert repr(VISITED) == "VisitedStates(rnn.l1: 15 of 24 states; S = 5)"
    assert "<th>label</th>" in VISITED._repr_html_()


@pytest.mark.parametrize("cell", [False, True])
@pytest.mark.parametrize("labels", [None, np.array(["a", "longer"] * 7 + ["c"])])
def test_a_file_gives_it_back(tmp_path: Path, cell: bool, labels: Any) -> None:
    kept = replace(VISITED, labels=labels)
    kept.save(tmp_path / "visited.npz", cell=cell)
    loaded = nc.VisitedStates.load(tmp_path / "visited.npz")
    assert same(loaded, kept if cell else replace(kept, cell=None))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    nc.find_fixed_points(VISITED.cell, VISITED.states).save(tmp_path / "p.npz")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is not a file of visited states"):
        nc.VisitedStates.load(tmp_path / "p.npz")
    with pytest.raises(ValueError, match="cell must be False where"):
        replace(VISITED, cell=None).save(tmp_path / "v.npz", cell=True)


def test_it_is_a_table_of_pandas() -> None:
    table = VISITED.to_dataframe(states=True, inputs=True)
    assert list(table)[:4] == ["sequence", "position", "label", "h_0"]
    np.testing.assert_array_equal(table["x_4"], VISITED.inputs[:, 4])
    assert "label" not in replace(VISITED, labels=None).to_dataframe()


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"positions must have 1 dimension\(s\) and 15 rows"):
        replace(VISITED, positions=VISITED.positions[:3])
    with pytest.raises(ValueError, match="previous must have the shape of states"):
        replace(VISITED, previous=VISITED.previous[:, :2])


@settings(max_examples=15)
@given(
    st.sampled_from(["GRU", "LSTM", "RNN"]),
    st.lists(st.integers(1, 7), min_size=1, max_size=5),
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
)
def test_packed_or_padded_with_lengths_is_one(
    kind: str, lengths: list[int], layers: int, batch_first: bool, bias: bool
) -> None:
    rnn = network(kind, layers, batch_first=batch_first, bias=bias)
    given = sequences(tuple(lengths), seed=layers)
    batch = nn.utils.rnn.pad_sequence(given, batch_first=batch_first, padding_value=9.0)
    packed = nc.collect_states(rnn, [pack_sequence(given, enforce_sorted=False)], n_states=None)
    masked = nc.collect_states(rnn, [batch], n_states=None, lengths=lambda _: lengths)
    for one, other in zip(packed.values(), masked.values(), strict=True):
        assert_chained(one, tuple(lengths))
        assert_chained(other, tuple(lengths))
        np.testing.assert_allclose(one.states, other.states, rtol=0, atol=1e-13)
