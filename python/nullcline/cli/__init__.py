"""The command line: `nullcline COMMAND`, a file of this room for each command.

It is made with argparse: options come from the dataclasses of settings, some take lists, and its
messages are in the command line's own words, which no larger library would make shorter.
"""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from nullcline._support.versions import own_version
from nullcline.cli import (
    completion,
    context,
    cycles,
    data,
    explain,
    explore,
    find,
    find_all,
    info,
    learning,
    linearize,
    plot,
    reproduce,
    sweep,
    trace,
    train,
)
from nullcline.cli.running import run

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

COMMANDS = (
    # One's own network
    find,
    find_all,
    linearize,
    cycles,
    trace,
    plot,
    explore,
    info,
    explain,
    context,
    # The study
    reproduce,
    sweep,
    learning,
    train,
    data,
    # This command line
    completion,
)
"""Each has `add`, which adds its parser; the help lists them in this order."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments
        The words after `nullcline`; those of the process by default.

    Returns
    -------
    int
        Exit code: 0 for success, 1 for an error (one line on stderr), 130 after Ctrl-C, 143 after
        SIGTERM. Wrong usage exits with 2.
    """
    # Between PyTorch's operations its threads are to sleep, not to spin on cores that ours have use
    # for, which takes up to three times as long to train. It heeds this when it is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return run(parser(), arguments)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="nullcline",
        description="Fixed points of recurrent networks, and the study that nullcline grew from.",
    )
    whole.add_argument("--version", action="version", version=f"nullcline {own_version()}")
    whole.set_defaults(program=whole)
    commands = whole.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return whole
