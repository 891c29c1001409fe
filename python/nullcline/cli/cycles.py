"""`nullcline cycles`: what a network goes round in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cli.arrays import FILE_OF_ARRAYS, read_inputs, read_states
from nullcline.cli.networks import WEIGHTS, add_network, read_layer
from nullcline.cli.options import add_executor, add_seed, command, executor_of
from nullcline.cli.outputs import add_output, require_suffix, require_writable, write_csv
from nullcline.cli.running import say
from nullcline.cli.tables import Table, add_json, records, show, show_json
from nullcline.cycles.find import find_cycles

if TYPE_CHECKING:
    import argparse

    from nullcline._support.validation import Floats
    from nullcline.cells.protocol import Cell
    from nullcline.cli.options import Commands
    from nullcline.cycles.cycle_set import Cycles

_EXAMPLES = (
    "nullcline cycles model.safetensors",
    "nullcline cycles model.pt --states states.npy --period 1 2 3 4 --out cycles.npz",
    "nullcline cycles model.pt --inputs two.npy --in-turn --json",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "cycles",
        _cycles,
        "find the cycles of a network: those that it settles on, or of given periods",
        examples=_EXAMPLES,
    )
    parser.add_argument("network", type=Path, metavar="WEIGHTS", help=WEIGHTS)
    parser.add_argument(
        "--states",
        metavar="FILE",
        help=f"states to start from: {FILE_OF_ARRAYS} (64 drawn at random)",
    )
    parser.add_argument(
        "--period",
        type=int,
        nargs="+",
        metavar="K",
        help="numbers of states to look for, from every start (those that it settles on)",
    )
    parser.add_argument("--inputs", metavar="FILE", help="the input (zero without it)")
    parser.add_argument(
        "--in-turn", action="store_true", help="read the rows of --inputs one after the other"
    )
    parser.add_argument(
        "--steps", dest="n_steps", type=int, default=1000, metavar="N", help="steps to settle in"
    )
    add_output(parser, ".npz, with the network, or .csv, a state a row")
    add_json(parser)
    add_network(parser)
    add_seed(parser)
    add_executor(parser)


def _cycles(options: argparse.Namespace) -> None:
    require_suffix(options.out, (".npz", ".csv"))
    require_writable(options.out, options)
    cell = read_layer(options.network, options).cell
    found = find_cycles(
        cell,
        None if options.states is None else read_states(options.states, cell),
        options.period,
        _inputs(options, cell),
        n_steps=options.n_steps,
        seed=options.seed,
        executor=executor_of(options),
    )
    table = _table(found, f"{options.network}: {found!r}")
    if options.out is not None:
        _write(options.out, found)
    if options.json:
        show_json(records(table))
        return
    show([table])
    if options.out is not None:
        say(options.out)


def _inputs(options: argparse.Namespace, cell: Cell) -> Floats | None:
    if options.inputs is None:
        if options.in_turn:
            raise ValueError("in_turn needs the inputs to read (--inputs FILE)")
        return None
    given = read_inputs(options.inputs, cell)
    if isinstance(given, dict):
        raise ValueError(  # noqa: TRY004 - of what the file holds
            f"{options.inputs} holds several arrays: choose one ({options.inputs}:NAME)"
        )
    return given.reshape(1, -1, cell.input_size) if options.in_turn else given


def _table(found: Cycles, title: str) -> Table:
    columns = ["cycle", "kind", "period", "stability", "largest multiplier", "index", "starts"]
    rows = [
        [
            number,
            str(found.kind[number]),
            int(found.period[number]),
            str(found.stability[number]),
            float(np.abs(found.multipliers[number, 0])),
            int(found.index[number]),
            int(found.count[number]),
        ]
        for number in range(len(found))
    ]
    return Table(title, columns, rows)


def _write(path: Path, found: Cycles) -> None:
    if path.suffix.lower() == ".npz":
        found.save(path, cell=True)
        return
    rows: list[dict[str, Any]] = [
        {"cycle": number, "place": place, **{f"h_{i}": v for i, v in enumerate(state.tolist())}}
        for number, states in enumerate(found.states)
        for place, state in enumerate(states)
    ]
    if not rows:
        raise ValueError(f"no cycle was found, so that {path} would be empty")
    write_csv(path, rows)
