"""Damage: to bytes, and to what is packed in them, with checksums that fit."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

INTERESTING = (
    b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff", b"\xff\xff\xff\x7f", b"\xff" * 4, b"\x00" * 4,
    b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\x00" * 8, b"-1", b"0", b"1", b"99999999999", b"9" * 40,
    b"1e999", b"nan", b"-inf", b" ", b"\t", b"\n", b"\r", b"\n\n", b'"', b"'", b"\\", b'\\"', b",",
    b"(", b")", b"{", b"}", b"[", b"]", b"..", b"/", b"None", b"True", b"null", b"\xef\xbb\xbf",
    b"\xed\xa0\x80", b"\xc3", b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x1f\x8b\x08",
    b"<f8", b"|O", b"<U9999999", b"|b1", b"1000000000", b"\x93NUMPY", b"cos\nsystem\n", b"b", b"t",
    b"R", b"s", b"u", b".", b"a" * 5000, b"(" * 3000, b"[" * 3000,
)  # fmt: skip
ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 99, 10**9, 2**63, -(2**70), 10**400, 0.5, -0.5, 1e308, 1e-320,
    "", "a", "<pad>", "\ud800", "\x00", "../x", "nan", [], [[]], [None], ["a", "a"], {}, {"a": 1},
    {"array": "x"}, {"array": []},
)  # fmt: skip


def damaged(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Return a file with some damage; `others` are files that parts may come from."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = _repacked(content, rng, others, depth=2)
    return content


def _repacked(content: bytes, rng: random.Random, others: list[bytes], depth: int) -> bytes:
    """Damage what is within a file, if it has an inside and chance will have it, or its bytes."""
    if depth and rng.random() < 0.75:
        for magic, repack in _INSIDES:
            if content.startswith(magic):
                with contextlib.suppress(Exception):  # earlier damage may have left no inside

                    def damage(part: bytes) -> bytes:
                        return _repacked(part, rng, others, depth - 1)

                    return repack(content, damage, rng)
    return _bytes(content, rng, others)


def _bytes(content: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Replace a part by something else, which may be nothing, or cut off what follows."""
    size = len(content)
    at = rng.randint(0, size)
    end = at + min(size - at, rng.choice((1, 1, 2, 4, 8, 64, 1000)))
    other = rng.choice(others)
    start = rng.randint(0, len(other))
    again = rng.randint(0, size)
    match rng.randrange(8):
        case 0:
            end = min(at + 1, size)
            part = bytes(byte ^ 1 << rng.randrange(8) for byte in content[at:end])
        case 1:
            end = min(at + 1, size)
            part = rng.randbytes(1)
        case 2:
            part, end = b"", size
        case 3:
            part = b""
        case 4:
            part, end = rng.choice((rng.choice(INTERESTING), content[at:end])), at
        case 5:
            part = rng.choice((rng.choice(INTERESTING), rng.randbytes(rng.choice((2, 4, 20)))))
            end = at + len(part)
        case 6:
            part, end = other[start : start + rng.choice((4, 100, 100_000))], size
        case _:
            part = content[again : again + end - at]
    return content[:at] + part + content[end:]


# What is packed in a file


def _zip(content: bytes, damage: Callable[[bytes], bytes], rng: random.Random) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(member.filename, archive.read(member)) for member in archive.infolist()]
    chosen = rng.randrange(len(members))
    name, inside = members[chosen]
    match rng.randrange(8):
        case 0:
            del members[chosen]
        case 1:
            members[chosen] = (members[rng.randrange(len(members))][0], inside)
        case 2:
            members.append((name + rng.choice((".npy", "x", "/../../x", ".txt")), inside))
        case 3:
            members[chosen] = (name, members[rng.randrange(len(members))][1])
        case _:
            members[chosen] = (name, damage(inside))
    packed = io.BytesIO()
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, inside in members:
            archive.writestr(zipfile.ZipInfo(name), inside, method)
    return packed.getvalue()


def _tar(content: bytes, damage: Callable[[bytes], bytes], rng: random.Random) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = [(member, archive.extractfile(member)) for member in archive]
        contents = [(member, file.read() if file else b"") for member, file in members]
    packed = io.BytesIO()
    chosen = rng.randrange(len(contents))
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for place, (member, whole) in enumerate(contents):
            inside = whole
            if place == chosen:
                match rng.randrange(4):
                    case 0:
                        member.type = rng.choice((b"1", b"2", b"3", b"6", b"S", b"x", b"L", b"Z"))
                    case 1:
                        member.name = rng.choice(("../a", "/a", "a" * 300, contents[0][0].name))
                    case 2:
                        member.pax_headers = {"size": rng.choice(("-1", "9" * 20, "x", "1e9"))}
                    case _:
                        inside = damage(inside)
            member.size = len(inside)
            archive.addfile(member, io.BytesIO(inside))
    return packed.getvalue()


def _npy(content: bytes, damage: Callable[[bytes], bytes], rng: random.Random) -> bytes:
    array = np.load(io.BytesIO(content))
    if array.dtype.kind == "U" and array.ndim == 0 and array.item().startswith("{"):
        array = np.array(_json(array.item().encode(), damage, rng).decode())
    match rng.randrange(6):
        case 0:
            array = array.astype(
                rng.choice(("f4", "f8", "i4", "u1", "?", "c16", "U3", ">f8", "S2"))
            )
        case 1:
            array = array.reshape(rng.choice(((-1,), (1, -1), (-1, 1), array.shape[::-1])))
        case 2 if array.ndim:
            array = array[: rng.randint(0, len(array))]
        case 3 if array.ndim:
            array = np.concatenate([array, array[-1:]])
        case 4 if array.dtype.kind in "iufc" and array.size:
            odd = rng.choice((np.nan, np.inf, -np.inf, -1, 0, 3, 1e300))
            with np.errstate(all="ignore"):
                array.flat[rng.randrange(array.size)] = np.array(odd).astype(array.dtype)
        case _:
            pass
    packed = io.BytesIO()
    np.save(packed, array)
    return packed.getvalue()


def _json(content: bytes, damage: Callable[[bytes], bytes], rng: random.Random) -> bytes:
    value = json.loads(content)
    holders = [value]
    for holder in holders:
        parts = holder.values() if isinstance(holder, dict) else holder
        holders += [part for part in parts if isinstance(part, dict | list) and part]
    holder = rng.choice(holders)
    key: Any = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
    match rng.randrange(5):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[rng.choice(("a", key + "x", "format", ""))] = holder.pop(key)
        case 2 if isinstance(holder, list):
            holder.append(holder[key])
        case _:
            holder[key] = rng.choice((*ODD_VALUES, rng.choice(holders[-5:])))
    return json.dumps(value).encode()


def _safetensors(content: bytes, damage: Callable[[bytes], bytes], rng: random.Random) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header, rest = content[8 : 8 + length], content[8 + length :]
    header = _json(header, damage, rng) if rng.random() < 0.8 else header
    rest = damage(rest) if rng.random() < 0.3 else rest
    return len(header).to_bytes(8, "little") + header + rest


def _lines(content: bytes, damage: Callable[[bytes], bytes], rng: random.Random) -> bytes:
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    fields = lines[at].split(b" ")
    field = rng.randrange(len(fields))
    match rng.randrange(6):
        case 0:
            lines.insert(at, lines[rng.randrange(len(lines))])
        case 1:
            del lines[at]
        case 2:
            fields[field] = rng.choice(INTERESTING)
        case 3:
            fields.insert(field, rng.choice(INTERESTING))
        case 4:
            del fields[field]
        case _:
            fields[field] = damage(fields[field])
    if at < len(lines):
        lines[at] = b" ".join(fields)
    return b"\n".join(lines)


def _compressed(
    unpack: Callable[[bytes], bytes], pack: Callable[[bytes], bytes]
) -> Callable[[bytes, Callable[[bytes], bytes], random.Random], bytes]:
    return lambda content, damage, _: pack(damage(unpack(content)))


def _xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=0)


_INSIDES = (
    (b"PK\x03\x04", _zip),
    (b"\x1f\x8b", _compressed(gzip.decompress, gzip.compress)),
    (b"\xfd7zXZ\x00", _compressed(lzma.decompress, _xz)),
    (b"BZh", _compressed(bz2.decompress, bz2.compress)),
    (b"\x93NUMPY", _npy),
    (b"top/", _tar),
    (b"aclImdb/", _tar),
    (b"{", _json),
    (b"[", _json),
    (b"the ", _lines),
    (b"text,", _lines),
    (b"(", _lines),
    (b"5 ", _lines),
    (b"", _safetensors),
)
"""What a file begins with, and how what is in it is damaged."""
