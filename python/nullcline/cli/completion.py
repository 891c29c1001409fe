"""`nullcline completion`: what a shell needs to complete commands, options and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline.cli.options import command
from nullcline.cli.running import say

if TYPE_CHECKING:
    import argparse

    from nullcline.cli.options import Commands

_EXAMPLES = (
    "nullcline completion bash > ~/.local/share/bash-completion/completions/nullcline",
    "nullcline completion zsh > ~/.zfunc/_nullcline      # a folder of $fpath",
    "nullcline completion tcsh > ~/.nullcline.tcsh       # and source it in ~/.tcshrc",
)


def add(commands: Commands) -> None:
    """Add the command."""
    parser = command(
        commands,
        "completion",
        _completion,
        "print a script that completes this command line in a shell",
        examples=_EXAMPLES,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="the shell")


def _completion(options: argparse.Namespace) -> None:
    import shtab

    say(shtab.complete(options.program, shell=options.shell))
