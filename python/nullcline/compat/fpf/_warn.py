"""Warnings about FixedPointFinder's arguments that mean nothing here."""

from __future__ import annotations

import warnings


class MeaninglessArgumentWarning(UserWarning):
    """An argument of FixedPointFinder's was given that has no meaning in nullcline's search."""


def warn_meaningless(name: str, reason: str) -> None:
    """Warn the caller of the caller, by the argument's name; Python shows it once per line."""
    message = f"{name} has no meaning here and is ignored: {reason}"
    warnings.warn(message, MeaninglessArgumentWarning, stacklevel=3)
