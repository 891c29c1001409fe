"""`nullcline find --store`: a search from states that may be more than memory holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nullcline._support.options import from_options
from nullcline.cli.networks import read_layer, read_points_of
from nullcline.cli.options import executor_of, require_left_out
from nullcline.cli.point_tables import points_table
from nullcline.cli.stored_arrays import stored_inputs, stored_states
from nullcline.cli.tables import records, show, show_json
from nullcline.stores.searching import search_to_store
from nullcline.study.settings import AnalysisSettings

if TYPE_CHECKING:
    import argparse

_OF_OTHERS = (
    "random", "n_starts", "seed", "out", "overwrite", "corpus", "data_dir", "split", "snapshot",
)  # fmt: skip
"""Options of a search that keeps its points in memory."""


def find_in_store(options: argparse.Namespace) -> None:
    """Search from all states in a file, into the store that the options name, and say what came."""
    if options.states is None:
        raise ValueError("store must be left out: it takes all states of a file (--states FILE)")
    require_left_out(
        options, _OF_OTHERS, "with a store (--store), all states of a file are searched from"
    )
    settings = from_options(AnalysisSettings, options)
    layer = read_layer(options.network, options)
    inputs: Any = None if options.inputs is None else stored_inputs(options.inputs, layer.cell)
    found = search_to_store(
        layer.cell,
        stored_states(options.states, layer.cell),
        inputs,
        store=options.store,
        executor=executor_of(options),
        method=settings.method,
        unresolved=options.unresolved,
        deflate=None if options.deflate is None else read_points_of(options.deflate),
        tol_unique=settings.tol_unique,
        tol_slow=settings.tol_slow,
        max_iterations=options.max_iterations,
        n_threads=settings.n_threads,
        device=options.device,
        progress=not options.quiet,
    )
    table = points_table(found.unique(), f"{options.store}: {found!r}")
    if options.json:
        points = {"completeness": table.note, "points": records(table)}
        show_json([{"store": str(options.store), "starts": len(found), **points}])
    else:
        show([table])
