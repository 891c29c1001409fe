"""A fault that is put into the sources, to see that a claim fails."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A fault: `sound`, which stands once in a file from `after` on, becomes `faulty`."""

    name: str
    file: str
    sound: str
    faulty: str
    after: str = ""
