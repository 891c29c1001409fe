"""`nullcline data`: corpora and word vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.cli.options import add_data_dir, command
from nullcline.cli.running import say
from nullcline.text.originals import ORIGINALS

if TYPE_CHECKING:
    import argparse

    from nullcline.cli.options import Commands

_EXAMPLES = (
    "nullcline data fetch imdb glove",
    "nullcline data fetch sst --data-dir corpora",
)

_DOWNLOAD_KEPT = "what has come is kept: the same command goes on there"


def add(commands: Commands) -> None:
    """Add the command and those within it."""
    data = commands.add_parser("data", help="corpora and word vectors")
    parser = command(
        data.add_subparsers(required=True, metavar="COMMAND"),
        "fetch",
        _fetch,
        "download originals into the cache, or find the local copies",
        kept=_DOWNLOAD_KEPT,
        examples=_EXAMPLES,
        extra="study",
    )
    parser.add_argument("names", nargs="+", choices=list(ORIGINALS), help="what to fetch")
    add_data_dir(parser)


def _fetch(options: argparse.Namespace) -> None:
    from nullcline.text.download import fetch

    for name in options.names:
        say(fetch(name, data_dir=options.data_dir, progress=not options.quiet))
