"""Pages whose examples are run: `python -m testing.console_page PAGE` writes what they print.

Blocks of Python, and lines of the console that begin with `$ nullcline`, are run in an empty folder
in their order. The lines below a command are what it prints.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

from nullcline.cli import main as nullcline

_BLOCK = re.compile(r"(?ms)^```(python|console)\n(.*?)^```\n")
_NUMBER = re.compile(r"[-+]?\d[\d.]*(e[-+]?\d+)?")


def replay(page: str, folder: Path) -> str:
    """Return a page with what its examples print when they are run in a folder."""

    def run(block: re.Match[str]) -> str:
        kind, text = block.groups()
        if kind == "python":
            exec(text, {})  # noqa: S102 - what the page tells its readers to run
            return block[0]
        printed = [_printed(command) for command in re.findall(r"(?m)^\$ nullcline (.*)$", text)]
        return f"```console\n{''.join(printed)}```\n"

    before = Path.cwd()
    os.chdir(folder)
    try:
        return _BLOCK.sub(run, page)
    finally:
        os.chdir(before)


def _printed(command: str) -> str:
    """Return a command and what it prints where the output is no terminal."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        nullcline([*shlex.split(command), "--quiet"])
    return f"$ nullcline {command}\n{text.getvalue()}"


def what_is_printed(page: str) -> list[str]:
    """Return the lines of a page's console, sorted, without what rounding may change.

    That is numbers, the order of points and the widths of columns.
    """
    blocks = [text for kind, text in _BLOCK.findall(page) if kind == "console"]
    lines = [line for block in blocks for line in block.splitlines()]
    return sorted(" ".join(_NUMBER.sub("#", line).split()) for line in lines)


def main() -> None:
    """Write what the examples of the pages that are named print."""
    for path in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            page = replay(path.read_text("utf-8"), Path(folder))
        path.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
