"""`nullcline find-all`: a search that goes on until the indices of the fixed points sum to 1."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline.cli.arrays import FILE_OF_ARRAYS, read_inputs, read_states
from nullcline.cli.networks import WEIGHTS, add_network, read_layer
from nullcline.cli.options import GOES_ON, add_seed, command
from nullcline.cli.outputs import add_output, require_suffix
from nullcline.cli.point_tables import all_points_table
from nullcline.cli.running import say
from nullcline.cli.tables import add_json, records, show, show_json
from nullcline.completeness.rounds import find_all_fixed_points

if TYPE_CHECKING:
    import argparse

    from nullcline.cells.protocol import Cell
    from nullcline.cli.options import Commands
    from nullcline.completeness.found import AllFixedPoints

_EXAMPLES = (
    "nullcline find-all model.safetensors",
    "nullcline find-all model.pt --joint --inputs conditions.npz --json",
    "nullcline find-all model.pt --states states.npy --out all.npz",
    "nullcline find-all model.pt --states states.npy --out all.npz --resume --effort 20",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "find-all",
        _find_all,
        "search for all fixed points of a network, until their indices sum to 1 and stay so",
        kept=f"with --out, {GOES_ON}",
        examples=_EXAMPLES,
    )
    parser.add_argument("network", type=Path, metavar="WEIGHTS", help=WEIGHTS)
    parser.add_argument(
        "--states",
        metavar="FILE",
        help=f"states to start from: {FILE_OF_ARRAYS} (200 drawn from the whole box)",
    )
    parser.add_argument(
        "--inputs",
        metavar="FILE",
        help="constant input (zero without it), of shape (D,); several arrays in an .npz are "
        "conditions, each of which is searched by itself",
    )
    parser.add_argument(
        "--effort", type=int, default=6, metavar="N", help="most rounds to spend on each input"
    )
    parser.add_argument(
        "--tol-unique", type=float, default=1e-3, help="ends this close count as one point"
    )
    parser.add_argument(
        "--threads", dest="n_threads", type=int, metavar="N", help="most threads (a core each)"
    )
    add_output(parser, ".npz, written after every round, with the network")
    parser.add_argument("--resume", action="store_true", help="go on with what --out holds")
    add_json(parser)
    add_network(parser)
    add_seed(parser)


def _find_all(options: argparse.Namespace) -> None:
    require_suffix(options.out, (".npz",))
    _require_place(options)
    cell = read_layer(options.network, options).cell
    states = None if options.states is None else read_states(options.states, cell)
    inputs = _inputs(options, cell)
    if options.out is not None and options.overwrite:
        options.out.unlink(missing_ok=True)
    found = find_all_fixed_points(
        cell,
        inputs,
        starts=states,
        effort=options.effort,
        file=options.out,
        tol_unique=options.tol_unique,
        n_threads=options.n_threads,
        progress=not options.quiet,
        seed=options.seed,
    )
    _report(options, found)


def _require_place(options: argparse.Namespace) -> None:
    """Raise unless it is said what becomes of a file that is there."""
    if not options.resume:
        if options.out is not None and options.out.exists() and not options.overwrite:
            raise FileExistsError(
                f"{options.out} exists already; go on with it (--resume), replace it "
                "(--overwrite), or choose another by --out"
            )
        return
    if options.out is None:
        raise ValueError("out must be given with --resume: the file to go on with")
    if options.overwrite:
        raise ValueError("resume must be left out where the file is to be replaced (--overwrite)")


def _inputs(options: argparse.Namespace, cell: Cell) -> Any:
    if options.inputs is None:
        return None
    inputs = read_inputs(options.inputs, cell)
    if not isinstance(inputs, dict) and inputs.ndim == 2 and len(inputs) > 1:
        raise ValueError(
            f"{options.inputs} has {len(inputs)} inputs: pass one, or several as arrays of an .npz"
        )
    return inputs


def _report(options: argparse.Namespace, found: AllFixedPoints) -> None:
    table = all_points_table(found, f"{options.network}: {found!r}")
    if options.json:
        show_json(
            {
                "file": None if options.out is None else str(options.out),
                "completeness": str(found.completeness),
                "rounds": found.rounds.tolist(),
                "settled": found.settled.tolist(),
                "points": records(table),
            }
        )
        return
    show([table])
    if options.out is not None:
        say(options.out)
