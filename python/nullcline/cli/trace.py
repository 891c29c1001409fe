"""`nullcline trace`: the slow manifold through a point, as a curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import archive
from nullcline.cli.options import command
from nullcline.cli.outputs import add_output, require_suffix, require_writable, write_csv
from nullcline.cli.point_tables import points_table
from nullcline.cli.running import say
from nullcline.cli.subject import (
    add_states_in_place,
    add_subject,
    read_subject,
    require_one_condition,
    shown_numbers,
)
from nullcline.cli.tables import Table, add_json, records, show, show_json
from nullcline.continuation.fibers import trace

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from nullcline.cli.options import Commands
    from nullcline.cli.subject import Subject
    from nullcline.continuation.curves import Curve, Trace

_EXAMPLES = (
    "nullcline trace points/layer-1.npz",
    "nullcline trace points/layer-1.npz --point 1 --directions 2 --out curve.csv",
    "nullcline trace model.pt --states state.npy --json",
    "nullcline trace points/layer-1.npz --beyond",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "trace",
        _trace,
        "follow the slow manifold through a point, the first without --point",
        examples=_EXAMPLES,
    )
    add_subject(parser)
    add_states_in_place(parser)
    parser.add_argument(
        "--directions",
        dest="n_directions",
        type=int,
        default=1,
        metavar="N",
        help="curves through each fixed point",
    )
    parser.add_argument(
        "--largest-step", type=float, default=1.0, metavar="X", help="longest step, in arclength"
    )
    parser.add_argument(
        "--max-points",
        type=int,
        metavar="N",
        help="most states to either side (1000, or 20000 with --beyond)",
    )
    parser.add_argument(
        "--beyond",
        action="store_true",
        help="follow curves beyond the box of the outputs and back, to infinity",
    )
    add_output(parser, "the curves: .npz, arrays, or .csv, a state a row")
    add_json(parser)


def _trace(options: argparse.Namespace) -> None:
    require_suffix(options.out, (".npz", ".csv"))
    require_writable(options.out, options)
    subject = read_subject(options)
    if not options.point:
        subject = subject.select(np.arange(1))
    require_one_condition(subject, "a curve")
    found = trace(
        subject.cell,
        *_given(subject),
        beyond=options.beyond,
        n_directions=options.n_directions,
        largest_step=options.largest_step,
        max_points=options.max_points,
        n_threads=options.n_threads,
    )
    if options.out is not None:
        _write(options.out, found)
    tables = {
        "curves": _curves_table(
            found, f"{options.source}: curves through {_named(subject)}", options.beyond
        ),
        "points": points_table(
            found.points, "points on the curves (starts: how often each was met)"
        ),
    }
    if options.json:
        show_json({name: records(table) for name, table in tables.items()})
        return
    show(list(tables.values()))
    if options.out is not None:
        say(options.out)


def _given(subject: Subject) -> tuple[Any, Any]:
    """Return points, which carry their inputs, or states, which go to their ends, and theirs."""
    points = subject.points
    if subject.are_points or points.inputs is None:
        return (points if subject.are_points else points.h), None
    if np.ptp(points.inputs, axis=0).any():
        raise ValueError("inputs must be one for all states that a curve is traced from")
    return points.h, points.inputs[0]


def _named(subject: Subject) -> str:
    what = "point" if subject.are_points else "state"
    return f"{what}{'s' * (len(subject.numbers) > 1)} {shown_numbers(subject.numbers)}"


def _curves_table(found: Trace, title: str, beyond: bool) -> Table:
    columns = ["curve", "states", "length", "least |τ|", "branch points", "ends"]
    columns += ["fixed points", "sum of indices", "fault"] if beyond else []
    rows = [
        [
            number,
            len(curve),
            float(np.ptp(curve.arclength)),
            float(np.abs(curve.tau).min()),
            len(curve.branch_h),
            "; ".join(dict.fromkeys(curve.ends)),
            *((len(curve.indices), curve.index_sum, curve.fault or "") if beyond else ()),
        ]
        for number, curve in enumerate(found.curves)
    ]
    return Table(title, columns, rows)


def _write(path: Path, found: Trace) -> None:
    if path.suffix == ".csv":
        write_csv(path, [row for i, curve in enumerate(found.curves) for row in _rows(i, curve)])
        return
    names = ("h", "tau", "q", "arclength", "tangents", "direction", "branch_h")
    archive.write_arrays(
        path,
        {
            f"curve_{number}_{name}": getattr(curve, name)
            for number, curve in enumerate(found.curves)
            for name in names
        },
    )


def _rows(number: int, curve: Curve) -> Iterator[dict[str, Any]]:
    for arclength, tau, q, h in zip(curve.arclength, curve.tau, curve.q, curve.h, strict=True):
        states = {f"h_{i}": value for i, value in enumerate(h.tolist())}
        yield {"curve": number, "arclength": arclength, "tau": tau, "q": q, **states}
