"""Reading word vectors in the formats of GloVe, word2vec and fastText."""

from __future__ import annotations

import contextlib
import re
import warnings
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias

import numpy as np

from nullcline._support import zips
from nullcline._support.reading import FileError, bounded, explaining, open_regular, size_of
from nullcline.text.archives import MEND, is_zip, open_decompressed
from nullcline.text.vectors import WordVectors

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = ["SkippedRowsWarning", "load_word_vectors"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HEADER = re.compile(rb"(\d{1,12})[ \t]+(\d{1,6})\s*")  # words, dimension
_PRINTABLE = re.compile(rb"[\t -~]+")
_ABOUT = re.compile(r"(^|/)(readme|licen[cs]e)[^/]*$", re.IGNORECASE)
_FIELD = re.compile(rb"[^ \t]+")
_DECIMAL = re.compile(rb"[+-]?[\d.]*[.eE][\d.eE+-]*")
_BLANK = b" \t\r\n"
_CHUNK = 1 << 20
_LONGEST_LINE = 1 << 20
_LONGEST_WORD = 1 << 12
_LINES_TO_LOOK_AT = 50
_MOST_ODD = 0.5  # of the rows; beyond it, the file is something else

Numbers: TypeAlias = "list[bytes] | NDArray[np.float32]"


class SkippedRowsWarning(UserWarning):
    """Some rows of a file of word vectors are odd, and were skipped."""


def load_word_vectors(
    path: str | os.PathLike[str],
    words: Iterable[str] | None = None,
    *,
    dimension: int | None = None,
    strict: bool = False,
) -> WordVectors:
    """Read word vectors from a file; its format is told by its content.

    - GloVe: text, one line per word, ``word number number …``;
    - word2vec text and fastText ``.vec``: the same after a line ``words dimension``;
    - word2vec binary: that line, then each word, a space, and its numbers as little-endian float32;

    each by itself, compressed with gzip, xz or bzip2, or in a zip archive.

    Published files have odd rows. They are skipped and counted in one warning: a word that is empty
    or nothing but blanks, a line without enough numbers or with too many, numbers that are not
    finite, a word that comes a second time, and a header that is off by one. Words may hold blanks
    (``. . .``) and begin with one (``" cat"``, which is another word than ``"cat"``), and end in a
    number (``catch 22``) that has no decimals.

    Parameters
    ----------
    path
        The file.
    words
        The words to keep; None keeps all. The numbers of others are not looked at.
    dimension
        How many numbers a vector must have. It also chooses among the members of a zip archive
        (``glove.6B.100d.txt`` for 100). None takes what there is.
    strict
        Refuse a file with an odd row.

    Returns
    -------
    WordVectors
        In the order of the file. Of a word that comes twice, the first. Bytes that are not UTF-8
        are read as U+FFFD.

    Warns
    -----
    SkippedRowsWarning
        Rows were skipped; it says how many, and why and where the first.

    Raises
    ------
    ValueError
        The file is cut short or in none of these formats, half of its rows or more are odd (any, if
        `strict`), a line has more than 1 MiB, it unpacks to over a hundred times its size, or the
        dimension is another. The message names the file and the line (in a binary file, the word).
    OSError
        It cannot be opened.
    """
    path = Path(path)
    keep = None if words is None else frozenset(words)
    with explaining(path, "a file of word vectors", MEND):
        with _open(path, dimension) as stream:
            layout = _detect(path, stream, dimension)
        if dimension not in (None, layout.dimension):
            raise FileError(
                f"{path}: its vectors have {layout.dimension} numbers, not {dimension}; ask for "
                f"{layout.dimension} (embedding_size in training)"
            )
        with _open(path, dimension) as stream:
            found, odd = _read(path, stream, layout, keep)
    if odd.counts:
        if strict:
            raise FileError(f"{path}: {odd.said()}; leave out strict to skip such rows")
        warnings.warn(f"{path}: {odd.said()}", SkippedRowsWarning, stacklevel=2)
    return found


@contextlib.contextmanager
def _open(path: Path, dimension: int | None) -> Iterator[IO[bytes]]:
    if not is_zip(path):
        with open_decompressed(path) as stream:
            yield stream
        return
    with open_regular(path) as file, zipfile.ZipFile(file) as archive:
        members = {
            member.filename: member
            for member in zips.members(path, archive, size_of(file))
            if not _ABOUT.search(member.filename)
        }
        fitting = [name for name in members if re.search(rf"\b{dimension}d\b", name)]
        chosen = list(members) if len(members) == 1 else fitting
        if len(chosen) != 1:
            raise FileError(
                f"{path} holds {', '.join(members) or 'nothing'}: choose one by its dimension"
            )
        with bounded(file, archive.open(members[chosen[0]])) as stream:
            yield stream


# Formats


@dataclass(frozen=True)
class _Layout:
    """How a file is laid out; `count` is the number of words that its header promises."""

    dimension: int
    count: int | None
    binary: bool


def _detect(path: Path, stream: IO[bytes], dimension: int | None) -> _Layout:
    first = _line(path, stream).removeprefix(_BYTE_ORDER_MARK)
    if header := _HEADER.fullmatch(first):
        count, size = int(header[1]), int(header[2])
        layout = _Layout(size, count, binary=not _is_text(stream.readline(_CHUNK), size))
    else:
        lines = [first, *islice(iter(lambda: _line(path, stream), b""), _LINES_TO_LOOK_AT)]
        counts = Counter(filter(None, map(_count_numbers, lines)))
        likely = dimension if counts[dimension or 0] else _most_common(counts)
        is_row = b"\0" not in first and _count_numbers(first) > 0
        layout = _Layout(likely if is_row and likely else 0, None, binary=False)
    if layout.dimension == 0 or layout.count == 0:
        raise FileError(
            f"{path} holds no word vectors in a format of GloVe, word2vec or fastText: its first "
            f"line is {first[:40]!r}"
        )
    return layout


def _line(path: Path, stream: IO[bytes]) -> bytes:
    """Return the next line, nothing at the end of the file."""
    line = stream.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        raise FileError(
            f"{path} holds no word vectors: a line has more than {_LONGEST_LINE:,} bytes"
        )
    return line


def _is_text(line: bytes, dimension: int) -> bool:
    """Say whether most of what a vector's numbers would be in print are numbers in print."""
    fields = line.split()[-dimension:] if dimension else []
    printed = [part for part in fields if _PRINTABLE.fullmatch(part) and _is_number(part)]
    return 2 * len(printed) > dimension


def _count_numbers(line: bytes) -> int:
    """Return how many numbers a line ends with, when it begins with a word."""
    fields = line.split()[1:]
    backwards = enumerate(reversed(fields))
    return next((i for i, part in backwards if not _is_number(part)), len(fields))


def _most_common(counts: Counter[int]) -> int:
    """Return what most lines have; the least of equals, since a word may end in a number."""
    most = max(counts.values(), default=0)
    return min(size for size, count in [*counts.items(), (0, 0)] if count == most)


def _is_number(part: bytes) -> bool:
    try:
        float(part)
    except ValueError:
        return False
    return b"_" not in part


# Rows


@dataclass
class _Odd:
    """The rows that were skipped, by what is odd about them, and where the first of each is."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, why: str, where: str) -> None:
        self.counts[why] += 1
        self.first.setdefault(why, where)

    def said(self) -> str:
        parts = (f"{why}, {count} (first: {self.first[why]})" for why, count in self.counts.items())
        return f"rows skipped: {'; '.join(parts)}"


_TWICE = "a word that comes a second time"
_HEADER_OFF = "the header's count is off by one"


@dataclass
class _Rows:
    """What is read so far: words with their places, numbers one after the other."""

    layout: _Layout
    keep: frozenset[str] | None
    places: dict[str, int] = field(default_factory=dict)
    numbers: bytearray = field(default_factory=bytearray)
    odd: _Odd = field(default_factory=_Odd)
    count: int = 0

    def add(self, where: str, name: bytes, numbers: Numbers | str) -> None:
        """Take in a row: its word and numbers, or a sentence that says why there are none."""
        self.count += 1
        if not isinstance(numbers, str) and not name.strip(_BLANK):
            numbers = "a word that is blank"
        if isinstance(numbers, str):
            self.odd.add(numbers, where)
            return
        word = name.decode("utf-8", errors="replace")
        if self.keep is not None and word not in self.keep:
            return
        if word in self.places:
            self.odd.add(_TWICE, where)
            return
        vector = _vector(numbers)
        if isinstance(vector, str):
            self.odd.add(vector, where)
            return
        self.places[word] = len(self.places)
        self.numbers += vector.tobytes()

    def finished(self, path: Path) -> WordVectors:
        """Return the words and their vectors; raise `FileError` if most of the file is odd."""
        promised = self.layout.count
        if promised is not None and abs(promised - self.count) > 1:
            raise FileError(
                f"{path} is cut short or damaged: its header promises {promised} words, and it "
                f"holds {self.count}"
            )
        odd = sum(count for why, count in self.odd.counts.items() if why != _TWICE)
        if odd >= max(1, _MOST_ODD * self.count):
            raise FileError(f"{path} is cut short or damaged: {self.odd.said()}")
        if promised not in (None, self.count):
            self.odd.add(_HEADER_OFF, f"{promised} promised, {self.count} there")
        vectors = np.frombuffer(self.numbers, np.float32).reshape(-1, self.layout.dimension)
        return WordVectors(tuple(self.places), vectors)


def _read(
    path: Path, stream: IO[bytes], layout: _Layout, keep: frozenset[str] | None
) -> tuple[WordVectors, _Odd]:
    read = _Rows(layout, keep)
    rows = _binary_rows(path, stream, layout) if layout.binary else _text_rows(path, stream, layout)
    for where, name, numbers in rows:
        read.add(where, name, numbers)
    return read.finished(path), read.odd


def _vector(numbers: Numbers) -> NDArray[np.float32] | str:
    """Return the vector, or what is odd about it."""
    try:
        with np.errstate(over="ignore"):  # too large becomes infinite, which is refused below
            vector = np.array(numbers, dtype=np.float32)
    except ValueError:
        return "a number is none"
    return vector if np.isfinite(vector).all() else "a number is not finite"


def _text_rows(
    path: Path, stream: IO[bytes], layout: _Layout
) -> Iterator[tuple[str, bytes, Numbers | str]]:
    """Yield where each word stands, the word (GloVe has some with spaces) and its numbers."""
    number = 0
    if layout.count is not None:
        _line(path, stream)
        number = 1
    while line := _line(path, stream):
        number += 1
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        row = line.rstrip(_BLANK)
        if not row:
            continue
        name, numbers = _split(row, layout.dimension)
        if isinstance(numbers, str) and not line.endswith(b"\n"):
            raise FileError(
                f"{path}, line {number}: {numbers}, but {line[:40]!r}: the file is cut short"
            )
        yield f"line {number}", name, numbers


def _split(row: bytes, dimension: int) -> tuple[bytes, list[bytes] | str]:
    """Return a line's word and its numbers, or what is odd about the line."""
    name, *numbers = row.rsplit(b" ", dimension)
    if len(numbers) < dimension or not all(numbers) or b"\t" in row:  # not as GloVe writes it
        fields = [match.span() for match in _FIELD.finditer(row)]
        if len(fields) <= dimension:
            return b"", f"not a word and {dimension} numbers"
        name = row[: fields[-dimension][0]].rstrip(b" \t")
        numbers = [row[start:end] for start, end in fields[-dimension:]]
    if b" " in name or b"\t" in name:
        more = name.split()[1:]
        if more and all(map(_is_number, more)) and _could_be_numbers(more, numbers):
            return name, f"more than {dimension} numbers"
    return name, numbers


def _could_be_numbers(fields: list[bytes], numbers: list[bytes]) -> bool:
    """Tell numbers from the end of a word, as in ``catch 22``: those of vectors have decimals."""
    if any(map(_DECIMAL.fullmatch, fields)):
        return True
    return not any(map(_DECIMAL.fullmatch, numbers)) and all(part.isdigit() for part in fields)


def _binary_rows(
    path: Path, stream: IO[bytes], layout: _Layout
) -> Iterator[tuple[str, bytes, Numbers]]:
    """Yield where each word stands, the word and its numbers, to one more than promised."""
    _line(path, stream)
    width = 4 * layout.dimension
    buffer, start = b"", 0
    breaks = False
    for number in range(1, (layout.count or 0) + 2):
        space = buffer.find(b" ", start, start + _LONGEST_WORD)
        if space < 0 or len(buffer) < space + 1 + width:
            buffer, start = buffer[start:] + stream.read(_CHUNK + width), 0
            space = buffer.find(b" ", 0, _LONGEST_WORD)
        if not buffer[start:].strip(b"\n"):
            return
        end = space + 1 + width
        if space < 0 or len(buffer) < end:
            raise FileError(
                f"{path} is cut short or damaged: its header promises {layout.count} words, and "
                f"no word and {layout.dimension} numbers are where word {number} should be"
            )
        if number == 2:
            breaks = buffer[start : start + 1] == b"\n"
        word = buffer[start:space].lstrip(b"\n")
        if b"\0" in word or (breaks and buffer[start : start + 1] != b"\n"):
            raise FileError(
                f"{path} is damaged: word {number} does not begin where word {number - 1} ends, "
                "which may have a blank in it"
            )
        yield f"word {number}", word, np.frombuffer(buffer, "<f4", layout.dimension, space + 1)
        start = end
    if (buffer[start:] + stream.read(_CHUNK)).strip():
        raise FileError(f"{path} is longer than the {layout.count} words that its header promises")
