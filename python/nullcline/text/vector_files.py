"""Reading word vectors in the formats of GloVe, word2vec and fastText."""

from __future__ import annotations

import contextlib
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from nullcline.text.archives import explain_damage, is_zip, open_decompressed
from nullcline.text.vectors import WordVectors

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = ["load_word_vectors"]

_HEADER = re.compile(rb"(\d{1,12}) (\d{1,6})\s*")  # words, dimension
_PRINTABLE = re.compile(rb"[\t -~]+")
_CHUNK = 1 << 20


def load_word_vectors(
    path: str | os.PathLike[str],
    words: Iterable[str] | None = None,
    *,
    dimension: int | None = None,
) -> WordVectors:
    """Read word vectors from a file; its format is told by its content.

    - GloVe: text, one line per word, ``word number number …``;
    - word2vec text and fastText ``.vec``: the same after a line ``words dimension``;
    - word2vec binary: that line, then each word, a space, and its numbers as little-endian float32;

    each by itself, compressed with gzip, xz or bzip2, or in a zip archive.

    Parameters
    ----------
    path
        The file.
    words
        The words to keep; None keeps all.
    dimension
        How many numbers a vector must have. It also chooses among the members of a zip archive
        (``glove.6B.100d.txt`` for 100). None takes what there is.

    Returns
    -------
    WordVectors
        In the order of the file. Of a word that comes twice, the first. Bytes that are not UTF-8
        are read as U+FFFD.

    Raises
    ------
    ValueError
        The file is cut short or in none of these formats, a vector has too many or too few
        numbers, a kept one has what is not a finite number, or the dimension is another. The
        message names the file and the line (in a binary file, the word).
    """
    path = Path(path)
    keep = None if words is None else frozenset(words)
    with explain_damage(path):
        with _open(path, dimension) as stream:
            layout = _detect(path, stream)
        if dimension not in (None, layout.dimension):
            raise ValueError(
                f"{path}: its vectors have {layout.dimension} numbers, not {dimension}"
            )
        with _open(path, dimension) as stream:
            return _read(path, stream, layout, keep)


@contextlib.contextmanager
def _open(path: Path, dimension: int | None) -> Iterator[IO[bytes]]:
    if not is_zip(path):
        with open_decompressed(path) as stream:
            yield stream
        return
    with zipfile.ZipFile(path) as archive:
        members = [member.filename for member in archive.infolist() if not member.is_dir()]
        fitting = [name for name in members if re.search(rf"\b{dimension}d\b", name)]
        chosen = members if len(members) == 1 else fitting
        if len(chosen) != 1:
            raise ValueError(
                f"{path} holds {', '.join(members) or 'nothing'}: choose one by its dimension"
            )
        with archive.open(chosen[0]) as stream:
            yield stream


@dataclass(frozen=True)
class _Layout:
    """How a file is laid out; `count` is the number of words that its header promises."""

    dimension: int
    count: int | None
    binary: bool


def _detect(path: Path, stream: IO[bytes]) -> _Layout:
    first = stream.readline(_CHUNK)
    if header := _HEADER.fullmatch(first):
        count, dimension = int(header[1]), int(header[2])
        layout = _Layout(dimension, count, binary=not _is_text(stream.readline(_CHUNK)))
    else:
        numbers = first.split()[1:]
        layout = _Layout(len(numbers) if all(map(_is_number, numbers)) else 0, None, binary=False)
    if layout.dimension == 0 or layout.count == 0:
        raise ValueError(
            f"{path} holds no word vectors in a format of GloVe, word2vec or fastText: its first "
            f"line is {first[:40]!r}"
        )
    return layout


def _is_text(line: bytes) -> bool:
    """Say whether a line goes on with numbers in print after its first word."""
    numbers = line.partition(b" ")[2].strip()
    return _PRINTABLE.fullmatch(numbers) is not None and any(map(_is_number, numbers.split()))


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _read(
    path: Path, stream: IO[bytes], layout: _Layout, keep: frozenset[str] | None
) -> WordVectors:
    rows = _binary_rows(path, stream, layout) if layout.binary else _text_rows(path, stream, layout)
    found: dict[str, NDArray[np.float32]] = {}
    count = 0
    for where, name, numbers in rows:
        count += 1
        word = name.decode("utf-8", errors="replace")
        if word not in found and (keep is None or word in keep):
            found[word] = _vector(path, where, numbers)
    if layout.count not in (None, count):
        raise ValueError(
            f"{path} is cut short or damaged: its header promises {layout.count} words, and it "
            f"holds {count}"
        )
    vectors = np.array(list(found.values()), dtype=np.float32).reshape(-1, layout.dimension)
    return WordVectors(tuple(found), vectors)


def _vector(
    path: Path, where: str, numbers: list[bytes] | NDArray[np.float32]
) -> NDArray[np.float32]:
    try:
        with np.errstate(over="ignore"):  # too large becomes infinite, which is refused below
            vector = np.array(numbers, dtype=np.float32)
    except ValueError as error:
        raise ValueError(f"{path}, {where}: {error}") from error
    if not np.isfinite(vector).all():
        raise ValueError(f"{path}, {where}: a number is not finite")
    return vector


def _text_rows(
    path: Path, stream: IO[bytes], layout: _Layout
) -> Iterator[tuple[str, bytes, list[bytes]]]:
    """Yield where each word stands, the word (GloVe has some with spaces) and its numbers."""
    first = 1
    if layout.count is not None:
        stream.readline()
        first = 2
    for number, line in enumerate(stream, first):
        if not line.strip():
            continue
        name, *numbers = line.strip().rsplit(None, layout.dimension)
        if len(numbers) < layout.dimension:
            raise ValueError(
                f"{path}, line {number}: not a word and {layout.dimension} numbers, but "
                f"{line[:40]!r}: the file is cut short or damaged"
            )
        if b" " in name and all(map(_is_number, name.split()[1:])):
            raise ValueError(
                f"{path}, line {number}: {len(line.split()) - 1} numbers, where the first line has "
                f"{layout.dimension}"
            )
        yield f"line {number}", name, numbers


def _binary_rows(
    path: Path, stream: IO[bytes], layout: _Layout
) -> Iterator[tuple[str, bytes, NDArray[np.float32]]]:
    """Yield where each word stands, the word and its numbers, up to the count in the header."""
    stream.readline()
    width = 4 * layout.dimension
    buffer, start = b"", 0
    for number in range(1, (layout.count or 0) + 1):
        space = buffer.find(b" ", start)
        while space < 0 or len(buffer) < space + 1 + width:
            chunk = stream.read(_CHUNK + width)
            if not chunk:
                raise ValueError(
                    f"{path} is cut short: its header promises {layout.count} words, and it ends "
                    f"within word {number}"
                )
            buffer, start = buffer[start:] + chunk, 0
            space = buffer.find(b" ")
        end = space + 1 + width
        yield (
            f"word {number}",
            buffer[start:space].lstrip(b"\n"),
            np.frombuffer(buffer, "<f4", layout.dimension, space + 1),
        )
        start = end
    if (buffer[start:] + stream.read(_CHUNK)).strip():
        raise ValueError(f"{path} is longer than the {layout.count} words that its header promises")
