"""A pickle read as data: opcodes are parsed and nothing is imported, looked up or called.

`pickle` runs what a file names. This reads the few opcodes that NumPy's arrays and plain values
need, as Python 2 wrote them (protocol 0) and Python 3 writes them (3 to 5), and refuses all others.
A name is no more than a key into `NAMES`. Every byte that is kept is a part of the file, and there
are few opcodes, so memory is bounded by the file's size, which lengths, shapes or memo numbers in a
hostile one are not.

An `Unpickler` whose `find_class` allows few names, behind a scan of the opcodes for their sizes,
would not be as safe: it hashes whatever a file makes a key, and 300 bytes of tuples of tuples take
for ever to hash, which only a scan that follows the stack can see. That is what this reader does.
"""

from __future__ import annotations

import codecs
import re
import struct
from typing import TYPE_CHECKING, Any

from nullcline.compat.fpf._pickle_objects import NAMES, Array, Maker, Type, finished, text

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_OPCODES = 100_000
"""A file of FixedPointFinder has some 500. Each takes memory, if only for an empty dictionary."""

_QUOTED = re.compile(rb"""(?:[^\\]|\\[\\'"nrt]|\\x[0-9a-f]{2}){1,4096}""")
"""A piece of a string: Python's patterns need memory for each repetition."""


def parse(content: bytes) -> dict[str, Any]:
    """Return the dictionary that a pickle holds: arrays (read-only), scalars, strings and None.

    Raises
    ------
    ValueError, TypeError, LookupError, AttributeError, OverflowError
        If the bytes are no such pickle, or name anything but NumPy's arrays, scalars and types.
    """
    found = _Machine(content).run()
    if not isinstance(found, dict):
        raise TypeError(f"it holds a {type(found).__name__}, not a dictionary")
    return {name: finished(name, value) for name, value in found.items()}


class _Machine:
    """The stack that a pickle's opcodes work on."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """Follow the opcodes to the last one and return what is then on top."""
        for _ in range(_MOST_OPCODES):
            opcode = self._take(1)
            if opcode == b".":
                return self._stack.pop()
            if opcode in _VALUES:
                self._stack.append(_VALUES[opcode](self))
            elif opcode in _ACTIONS:
                _ACTIONS[opcode](self)
            else:
                raise ValueError(f"it has the opcode {opcode!r}, which no array needs")
        raise ValueError(f"it has more than {_MOST_OPCODES:,} opcodes")

    # Parts of the file

    def _take(self, length: int) -> bytes:
        part = self._content[self._at : self._at + length]
        if len(part) < length:
            raise ValueError("it ends early")
        self._at += length
        return part

    def _line(self) -> bytes:
        end = self._content.find(b"\n", self._at)
        if end < 0:
            raise ValueError("it ends early")
        return self._take(end + 1 - self._at)[:-1]

    def _number(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little")

    def _bytes(self, width: int) -> bytes:
        return self._take(self._number(width))

    # Values

    def _integer_line(self) -> int | bool:
        line = self._line()
        return line == b"01" if line in {b"00", b"01"} else int(line)

    def _quoted_line(self) -> bytes:
        line = self._line()
        if len(line) < 2 or line[:1] not in {b"'", b'"'} or line[:1] != line[-1:]:
            raise ValueError("a string is not quoted as Python 2 does it")
        at, end = 1, len(line) - 1
        while at < end:
            part = _QUOTED.match(line, at, end)
            if part is None:
                raise ValueError("a string is not quoted as Python 2 does it")
            at = part.end()
        return codecs.escape_decode(line[1:-1])[0]

    def _signed(self, width: int) -> int:
        return int.from_bytes(self._take(width), "little", signed=True)

    def _remembered(self, key: int) -> Any:
        return self._memo[key]

    # Actions

    def _skip(self, length: int) -> None:
        self._take(length)

    def _mark(self) -> None:
        self._marked.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        items, self._stack = self._stack, self._marked.pop()
        return items

    def _tuple(self, length: int | None = None) -> None:
        if length is None:
            items = self._since_mark()
        else:
            items = [self._stack.pop() for _ in range(length)][::-1]
        self._stack.append(tuple(items))

    def _dict(self) -> None:
        items = self._since_mark()
        self._stack.append({})
        self._set(items)

    def _set(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise ValueError("items are set in no dictionary")
        target.update(zip(map(text, items[::2]), items[1::2], strict=True))

    def _set_one(self) -> None:
        self._set([self._stack.pop(), self._stack.pop()][::-1])

    def _name(self, module: Any, name: Any) -> None:
        full = f"{text(module)}.{text(name)}"
        if full not in NAMES:
            raise ValueError(f"it refers to {full}, which no array needs: it may be hostile")
        self._stack.append(NAMES[full])

    def _name_on_stack(self) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._name(module, name)

    def _reduce(self) -> None:
        arguments, maker = self._stack.pop(), self._stack.pop()
        if not isinstance(maker, Maker) or type(arguments) is not tuple:
            raise ValueError("it calls what cannot be called")
        self._stack.append(maker.make(*arguments))

    def _build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if not isinstance(target, Type | Array) or type(state) is not tuple:
            raise ValueError("it sets the state of what has none")
        target.build(state)

    def _remember(self, key: int) -> None:
        self._memo[key] = self._stack[-1]


_VALUES: dict[bytes, Callable[[_Machine], Any]] = {
    b"N": lambda _: None,
    b"\x88": lambda _: True,
    b"\x89": lambda _: False,
    b"I": _Machine._integer_line,
    b"L": lambda m: int(m._line().removesuffix(b"L")),
    b"K": lambda m: m._number(1),
    b"M": lambda m: m._number(2),
    b"J": lambda m: m._signed(4),
    b"\x8a": lambda m: m._signed(m._number(1)),
    b"F": lambda m: float(m._line()),
    b"G": lambda m: struct.unpack(">d", m._take(8))[0],
    b"S": _Machine._quoted_line,
    b"X": lambda m: m._bytes(4).decode(),
    b"\x8c": lambda m: m._bytes(1).decode(),
    b"B": lambda m: m._bytes(4),
    b"C": lambda m: m._bytes(1),
    b"\x96": lambda m: m._bytes(8),
    b")": lambda _: (),
    b"}": lambda _: {},
    b"g": lambda m: m._remembered(int(m._line())),
    b"h": lambda m: m._remembered(m._number(1)),
    b"j": lambda m: m._remembered(m._number(4)),
}
"""Opcodes that put a value on the stack."""

_ACTIONS: dict[bytes, Callable[[_Machine], None]] = {
    b"\x80": lambda m: m._skip(1),
    b"\x95": lambda m: m._skip(8),
    b"(": _Machine._mark,
    b"t": _Machine._tuple,
    b"\x85": lambda m: m._tuple(1),
    b"\x86": lambda m: m._tuple(2),
    b"\x87": lambda m: m._tuple(3),
    b"d": _Machine._dict,
    b"s": _Machine._set_one,
    b"u": lambda m: m._set(m._since_mark()),
    b"c": lambda m: m._name(m._line(), m._line()),
    b"\x93": _Machine._name_on_stack,
    b"R": _Machine._reduce,
    b"b": _Machine._build,
    b"p": lambda m: m._remember(int(m._line())),
    b"q": lambda m: m._remember(m._number(1)),
    b"r": lambda m: m._remember(m._number(4)),
    b"\x94": lambda m: m._remember(len(m._memo)),
}
"""Opcodes that work on what is there."""
