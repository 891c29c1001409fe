"""Options of a command line from a dataclass of settings, and the settings from the options.

A field's flag is its name with dashes, or `flag` in the field's metadata; its type and default are
the field's, its choices `choices` in the metadata, and its help is what the class's docstring says
of it, so that nothing is written twice.
"""

from __future__ import annotations

import inspect
import re
import typing
from dataclasses import Field, fields
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping

T = TypeVar("T")


def add_options(
    parser: argparse._ActionsContainer, settings: type[Any], *, leave_out: Collection[str] = ()
) -> None:
    """Add an option for every field of a dataclass to a parser, or to a group of one.

    Parameters
    ----------
    parser
        What `argparse` adds options to.
    settings
        The dataclass. Its fields are of type int, float or str, or None, or False by default.
    leave_out
        Fields that this command line has no option for.
    """
    docs = field_docs(settings)
    hints = typing.get_type_hints(settings)
    for field in _fields(settings, leave_out):
        kind = _scalar(hints[field.name])
        if kind is bool:
            parser.add_argument(
                flag(field), dest=field.name, action="store_true", help=docs.get(field.name)
            )
            continue
        choices = field.metadata.get("choices")
        parser.add_argument(
            flag(field),
            dest=field.name,
            default=field.default,
            type=kind,
            choices=choices,
            metavar=None if choices else {int: "N", float: "X"}.get(kind),
            help=docs.get(field.name),
        )


def from_options(
    settings: type[T],
    options: argparse.Namespace,
    *,
    leave_out: Collection[str] = (),
    **others: Any,
) -> T:
    """Return the settings that a command line asked for.

    Parameters
    ----------
    settings, leave_out
        As in `add_options`.
    options
        What the parser returned.
    others
        Fields that no option sets.
    """
    chosen = {
        field.name: getattr(options, field.name)
        for field in _fields(settings, leave_out)
        if hasattr(options, field.name)
    }
    return settings(**{**chosen, **others})


def with_flags(message: str, flags: Mapping[str, str]) -> str:
    """Return a message to a caller of functions as one to a user of the command line.

    Arguments become flags: those of several words wherever they stand free, others where the
    grammar tells them from plain English, as in "seed must be", "seed=3" and "by data_dir". What
    stands in quotes or is part of a path is left alone.

    Parameters
    ----------
    message
        What an exception says.
    flags
        The flag that sets each argument.
    """
    for argument, flag_of in flags.items():
        name = re.escape(argument)
        message = re.sub(rf"{_FREE}{name}=True\b", flag_of, message)
        message = re.sub(rf"{_FREE}{name}=(?=\S)", f"{flag_of} ", message)
        follows = r"(?![\w./'\"])" if "_" in argument else r"(?= must\b|: [^,()]+ there\b)"
        message = re.sub(rf"{_FREE}{name}{follows}", flag_of, message)
        message = re.sub(rf"\bby {name}\b", f"by {flag_of}", message)
    return message


_FREE = r"(?<![\w./'\"-])"
"""What stands before a word that is part of no name, path or quotation."""


def flag(field: Field[Any]) -> str:
    """Return the option that sets a field."""
    return str(field.metadata.get("flag", f"--{field.name.replace('_', '-')}"))


def field_docs(settings: type[Any]) -> dict[str, str]:
    """Return what an option's help says of each parameter in a class's NumPy docstring.

    That is the first sentence, and the one that says what None stands for; empty where Python
    drops docstrings.
    """
    text = inspect.getdoc(settings) or ""
    section = re.search(r"(?s)\nParameters\n-+\n(.*?)(?:\n\n\S+\n-+\n|\Z)", text)
    if section is None:
        return {}
    entries = re.findall(r"(?m)^(\S[^\n]*)\n((?:[ \t]+[^\n]*\n?|\n)+)", section[1])
    return {name.strip(): _help(body) for names, body in entries for name in names.split(",")}


def _help(body: str) -> str:
    text = re.sub(r"[*`]", "", " ".join(body.split())).replace("%", "%%")
    first, *others = re.split(r"\.\s+(?=[A-Z])", text.removesuffix("."))
    of_none = [sentence for sentence in others if sentence.startswith("None ")]
    return "; ".join([first[:1].lower() + first[1:], *of_none])


def _fields(settings: type[Any], leave_out: Collection[str]) -> list[Field[Any]]:
    return [field for field in fields(settings) if field.name not in leave_out]


def _scalar(hint: Any) -> type:
    """Return the type of a field's values: `int` of `int | None`."""
    members = typing.get_args(hint) or (hint,)
    found: type = next(member for member in members if member is not type(None))
    return found
