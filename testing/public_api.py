"""What others may call, a line each: names, signatures and flags, as a committed file has them.

`python -m testing.public_api` writes that file anew: a change of what is public is deliberate, and
is seen in a diff. docs/stability.md says what is promised of it.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


SNAPSHOT = Path(__file__).parent.parent / "tests" / "fixtures" / "public_api.txt"

MODULES = (
    "nullcline",
    "nullcline.compat.fpf",
    "nullcline.cuda",
    "nullcline.explanation",
    "nullcline.plotting",
    "nullcline.text",
    "nullcline.training",
)
"""Those whose names are public; what else lies in a package is where things live."""


def lines() -> list[str]:
    """Return the public API: functions, classes with their members, and the command line."""
    return sorted({line for module in MODULES for line in _of_module(module)} | set(_of_commands()))


def _of_module(name: str) -> Iterator[str]:
    module = importlib.import_module(name)
    for public in module.__all__:
        value = getattr(module, public)
        path = f"{name}.{public}"
        if inspect.isclass(value):
            yield from _of_class(path, value)
        elif callable(value):
            yield path + _signature(value)
        else:
            yield path


def _of_class(path: str, owner: type) -> Iterator[str]:
    """Yield the constructor, and each member that the package itself defines."""
    yield path if issubclass(owner, BaseException) else path + _signature(owner)
    own = [base for base in owner.__mro__ if base.__module__.partition(".")[0] == "nullcline"]
    members = {name for base in own for name in vars(base) if not name.startswith("_")}
    if dataclasses.is_dataclass(owner):
        members |= {field.name for field in dataclasses.fields(owner) if field.name[0] != "_"}
    for name in members:
        value = inspect.getattr_static(owner, name, None)
        if isinstance(value, (classmethod, staticmethod)):
            value = getattr(owner, name)
        yield f"{path}.{name}{_signature(value) if callable(value) else ''}"


def _signature(value: Callable[..., object]) -> str:
    """Return the names, kinds and defaults of arguments; their types are for type checkers."""
    arguments = inspect.signature(value).parameters.values()
    return str(inspect.Signature([one.replace(annotation=one.empty) for one in arguments]))


def _of_commands(parser: argparse.ArgumentParser | None = None) -> Iterator[str]:
    from nullcline import cli

    parser = parser or cli.parser()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _of_commands(inner)
        elif not isinstance(action, argparse._HelpAction):
            name = "/".join(action.option_strings) or str(action.metavar or action.dest)
            yield f"$ {parser.prog} {name}"


if __name__ == "__main__":
    SNAPSHOT.write_text("\n".join(lines()) + "\n", "utf-8")
