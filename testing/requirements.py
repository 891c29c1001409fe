"""What the package is built with, or its extras need, as pip reads it from a file.

`python testing/requirements.py` prints the former, with names of extras the latter: so packages
can be installed while the package itself is still compiled. It runs before any of them is there.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

try:
    import tomllib
except ModuleNotFoundError:  # before Python 3.11, where pip has its own
    from pip._vendor import tomli as tomllib  # type: ignore[no-redef]

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def main(extras: list[str]) -> None:
    """Print what these extras need, one a line; without any, what builds the package."""
    described = tomllib.loads(PYPROJECT.read_text("utf-8"))
    wanted = (
        requirements(described["project"], extras)
        if extras
        else described["build-system"]["requires"]
    )
    sys.stdout.write("\n".join(wanted) + "\n")


def requirements(project: dict[str, Any], extras: list[str]) -> list[str]:
    """Return what a project needs with these extras, which may name others of its own."""
    own = re.compile(rf"{project['name']}\[(.*)\]")
    found = dict.fromkeys(project["dependencies"])
    waiting, seen = list(extras), set[str]()
    while waiting:
        extra = waiting.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for line in project["optional-dependencies"][extra]:
            inner = own.fullmatch(line)
            if inner:
                waiting += [name.strip() for name in inner[1].split(",")]
            else:
                found[line] = None
    return list(found)


if __name__ == "__main__":
    main(sys.argv[1:])
