"""`nullcline linearize`: how a network moves around its points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cli.options import command
from nullcline.cli.outputs import add_output, require_suffix, require_writable, write_csv
from nullcline.cli.point_tables import linearization_table
from nullcline.cli.running import say
from nullcline.cli.subject import add_states_in_place, add_subject, read_subject
from nullcline.cli.tables import Table, add_json, records, show, show_json
from nullcline.linearization.linear_map import linearize

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from nullcline.cli.options import Commands
    from nullcline.linearization.linear_map import Linearization

_EXAMPLES = (
    "nullcline linearize points/layer-1.npz",
    "nullcline linearize points/layer-1.npz --kinds fixed --modes 10 --out modes.csv",
    "nullcline linearize model.safetensors --states states.npy --json",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "linearize",
        _linearize,
        "tell stability, modes and time constants at points or states",
        examples=_EXAMPLES,
    )
    add_subject(parser)
    add_states_in_place(parser)
    parser.add_argument(
        "--modes", dest="k", type=int, metavar="K", help="the K modes of largest |λ| (all)"
    )
    add_output(parser, ".npz, with vectors and the network, or .csv, a mode a row")
    add_json(parser)


def _linearize(options: argparse.Namespace) -> None:
    require_suffix(options.out, (".npz", ".csv"))
    require_writable(options.out, options)
    subject = read_subject(options)
    try:
        found = linearize(subject.cell, subject.points, k=options.k, n_threads=options.n_threads)
    except RuntimeError as error:  # many modes are equal, and too large to find all
        raise ValueError(f"{error} (leave out --modes)") from error
    table = linearization_table(found, f"{options.source}: {found!r}", subject)
    if options.out is not None:
        _write(options.out, found, table)
    if options.json:
        modes = [_modes(found, i) for i in range(len(found))]
        show_json([{**row, "modes": m} for row, m in zip(records(table), modes, strict=True)])
        return
    show([table])
    if options.out is not None:
        say(options.out)


def _modes(found: Linearization, i: int) -> list[dict[str, Any]]:
    """Return the modes at a point, each as a mapping of numbers."""
    eigenvalues = found.eigenvalues[i]
    columns = {
        "mode": np.arange(len(eigenvalues)),
        "real": eigenvalues.real,
        "imag": eigenvalues.imag,
        "modulus": np.abs(eigenvalues),
        "time constant": found.time_constants[i],
        "error": found.eigenvalue_errors[i],
    }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _write(path: Path, found: Linearization, table: Table) -> None:
    if path.suffix == ".npz":
        found.save(path)
        return
    shared = ("point", "kind", "stability")
    rows = [
        {**{name: row[name] for name in shared}, **mode}
        for i, row in enumerate(records(table))
        for mode in _modes(found, i)
    ]
    write_csv(path, rows)
