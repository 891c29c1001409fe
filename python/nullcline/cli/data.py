"""`nullcline data`: corpora and word vectors."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from nullcline.cli.options import add_data_dir, command
from nullcline.cli.running import say
from nullcline.cli.tables import Table, add_json, show, show_json
from nullcline.text.originals import ORIGINALS

if TYPE_CHECKING:
    import argparse

    from nullcline.cli.options import Commands

_EXAMPLES = (
    "nullcline data fetch imdb glove",
    "nullcline data fetch sst --data-dir corpora",
)
_EXAMPLES_OF_LIST = (
    "nullcline data list",
    "nullcline data list --data-dir corpora --json",
)

_DOWNLOAD_KEPT = "what has come is kept: the same command goes on there"


def add(commands: Commands) -> None:
    """Add the command and those within it."""
    data = commands.add_parser("data", help="corpora and word vectors").add_subparsers(
        required=True, metavar="COMMAND"
    )
    parser = command(
        data,
        "fetch",
        _fetch,
        "download originals into the cache, or find the local copies",
        kept=_DOWNLOAD_KEPT,
        examples=_EXAMPLES,
        extra="study",
    )
    parser.add_argument("names", nargs="+", choices=list(ORIGINALS), help="what to fetch")
    add_data_dir(parser)
    parser = command(
        data,
        "list",
        _list,
        "tell what can be fetched, how large it is, its terms, and what is here already",
        examples=_EXAMPLES_OF_LIST,
        extra="study",
    )
    add_data_dir(parser)
    add_json(parser)


def _fetch(options: argparse.Namespace) -> None:
    from nullcline.text.download import fetch

    for name in options.names:
        say(fetch(name, data_dir=options.data_dir, progress=not options.quiet))


def _list(options: argparse.Namespace) -> None:
    from nullcline.text.download import find_copy
    from nullcline.text.published_vectors import PUBLISHED

    here = {name: find_copy(name, options.data_dir) for name in ORIGINALS}
    for one in PUBLISHED.values():  # a copy of some of an archive's vectors is one, too
        here[one.original] = here[one.original] or find_copy(
            one.original, options.data_dir, copies=one.copies
        )
    if options.json:
        show_json(
            [
                {"name": name, **asdict(original), "here": here[name]}
                for name, original in ORIGINALS.items()
            ]
        )
        return
    rows = [
        (name, original.size / 1e6, original.paper, original.terms, here[name])
        for name, original in ORIGINALS.items()
    ]
    columns = ("name", "MB", "paper", "terms", "here")
    show([Table("corpora and word vectors", columns, rows, "nullcline data fetch NAME brings one")])
