"""What every reader keeps: regular files alone, one exception that names the file, bounds."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import shutil
import socket
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc
from nullcline._support import reading, zips
from nullcline._support.npy import read_npy
from nullcline._support.reading import FileError, explaining, open_regular, read_json
from nullcline.text import archives, load_word_vectors
from nullcline.text.archives import read_members
from nullcline.training import load_checkpoint
from nullcline.training.checkpoint import CheckpointError
from testing.fuzz.readers import READERS, RUN, prepare
from testing.fuzz.reading import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def _no_other_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NULLCLINE_DATA", raising=False)


# Regular files


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


NO_FILES = [
    (name, make)
    for name in READERS
    for make in (_fifo, _device, _socket, Path.mkdir)
    if (name, make) != ("archive", Path.mkdir)  # a folder with what an archive holds is read
]


@pytest.mark.parametrize(("name", "make"), NO_FILES)
def test_what_is_no_regular_file_is_refused(
    tmp_path: Path, name: str, make: Callable[[Path], object]
) -> None:
    path = prepare(READERS[name], tmp_path / "case", b"")
    path.unlink()
    make(path)
    with pytest.raises((ValueError, OSError), match=path.parent.name):
        READERS[name].read(path)


def test_a_link_to_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with open_regular(tmp_path / "link") as file:
        assert file.read() == b"x"


# One exception


@pytest.mark.parametrize(
    "error",
    [
        AttributeError("a"), IndexError("a"), NotImplementedError("a"), RecursionError("a"),
        MemoryError(), SyntaxError("a"), StopIteration(), OSError("no number"),
        OSError(22, "Invalid argument"),
    ],
)  # fmt: skip
def test_whatever_decoders_raise_names_the_file(error: Exception) -> None:
    said = r"^a/file is not a thing, or it is damaged .*; mend it$"
    with pytest.raises(FileError, match=said), explaining("a/file", "a thing", "mend it"):
        raise error


@pytest.mark.parametrize(
    "error", [OSError(5, "Input/output error"), KeyboardInterrupt(), FileError("named")]
)
def test_what_is_not_the_files_fault_is_left_as_it_is(error: BaseException) -> None:
    with pytest.raises(type(error)) as caught, explaining("a/file", "a thing"):
        raise error
    assert caught.value is error


# Bounds


def _zipped(content: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("v.3d.txt", content)
    return packed.getvalue()


def _tarred(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("top/a.txt")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def _npz(content: bytes) -> bytes:
    packed = io.BytesIO()
    np.savez_compressed(packed, format=np.frombuffer(content, np.uint8))
    return packed.getvalue()


@pytest.fixture
def _small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ALLOWANCE", 1 << 12)


def _read_all(path: Path) -> dict[str, bytes]:
    return dict(read_members(path, lambda _: True))


@pytest.mark.usefixtures("_small_bounds")
@pytest.mark.parametrize(
    ("pack", "read"),
    [
        (gzip.compress, load_word_vectors),
        (lambda content: lzma.compress(content, preset=0), load_word_vectors),
        (bz2.compress, load_word_vectors),
        (_zipped, load_word_vectors),
        (_zipped, _read_all),
        (_tarred, _read_all),
        (_npz, nc.FixedPoints.load),
    ],
)
def test_what_unpacks_to_a_hundredfold_is_refused(
    tmp_path: Path, pack: Callable[[bytes], bytes], read: Callable[[Path], Any]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(pack(b"the 0.1 0.2 0.3\n" * (1 << 17)))
    tracemalloc.start()
    try:
        with pytest.raises(FileError, match=r"file unpacks to more than .* a decompression bomb"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_what_is_stored_is_bounded_by_its_size_alone(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(b"".join(b"w%d 0 0 0\n" % number for number in range(1000)))
    assert len(load_word_vectors(path)) == 1000


def test_a_line_and_a_word_have_their_longest(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(b"the 0.1 0.2\n" + b"a" * (1 << 21))
    with pytest.raises(FileError, match="a line has more than 1,048,576 bytes"):
        load_word_vectors(path)
    path.write_bytes(b"5 4\nthe " + b"\x01" * 16 + b"a" * 30_000)
    with pytest.raises(FileError, match="no word and 4 numbers are where word 2 should be"):
        load_word_vectors(path)


def test_the_largest_member_and_the_most_members_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_LARGEST_MEMBER", 1000)
    for name, content in (("a.tar.gz", _tarred(b"x" * 2000)), ("a.zip", _zipped(b"x" * 2000))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileError, match="has 2,000 bytes, and texts have up to 1,000"):
            _read_all(tmp_path / name)
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "a.txt").write_bytes(b"x" * 2000)
    with pytest.raises(FileError, match="has 2,000 bytes"):
        _read_all(tmp_path / "top")
    monkeypatch.setattr(archives, "_LARGEST_MEMBER", 10_000)
    monkeypatch.setattr(zips, "MOST_MEMBERS", 0)
    for name in ("a.tar.gz", "a.zip"):
        with pytest.raises(FileError, match=r"it has (more than|over) 0 members"):
            _read_all(tmp_path / name)


# Archives


def test_a_tar_archive_whose_headers_lead_backwards_ends(tmp_path: Path) -> None:
    """A member of a negative size leads to itself, for ever."""
    member = tarfile.TarInfo("a.txt")
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 10 + b"\xfc\x00"  # -1024
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "a.tar"
    path.write_bytes(bytes(header) + bytes(2048))
    with pytest.raises(FileError, match=r"a\.tar"):
        _read_all(path)


def test_a_tar_archive_whose_member_never_ends_is_cut_short(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a.txt")
    member.size = 1 << 60
    path = tmp_path / "a.tar"
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
    with pytest.raises(FileError, match=r"a\.tar .* cut short"):
        list(read_members(path, lambda _: False))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_archive_that_unpacks_members_at_once_is_refused(tmp_path: Path, method: int) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(_zipped(b"the 1 2\n", method))
    for read in (load_word_vectors, _read_all):
        with pytest.raises(FileError, match=r"a\.zip: 'v\.3d\.txt' is compressed by method"):
            read(path)


def test_a_zip_archive_that_holds_a_name_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", b"1")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.txt", b"2")
    with pytest.raises(FileError, match=r"holds 'a\.txt' twice"):
        _read_all(path)


# Arrays


def _npy(array: Any) -> bytes:
    packed = io.BytesIO()
    np.save(packed, array)
    return packed.getvalue()


ARRAYS = [
    np.arange(6.0).reshape(2, 3), np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.array(3, ">i4"), np.zeros((0, 4)), np.zeros((3, 0), np.float32), np.array("text é"),
    np.array(["a", "bcd"]), np.array([""]), np.array([True, False]), np.array([1 + 2j]),
    np.zeros((1, 2, 1, 2), np.uint8),
]  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: f"{array.dtype}{array.shape}")
def test_arrays_come_back_as_numpy_reads_them(array: np.ndarray[Any, Any]) -> None:
    content = _npy(array)
    found = read_npy(io.BytesIO(content), len(content))
    expected = np.load(io.BytesIO(content))
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert found.flags.writeable
    np.testing.assert_array_equal(found, expected)


def _wrong_arrays() -> Iterator[tuple[bytes, str]]:
    good = _npy(np.arange(3.0))
    yield good[:-1], "has other bytes"
    yield good + b"x", "has other bytes"
    yield good.replace(b"(3,)", b"(9" + b"9" * 15 + b",)"), "has other bytes|header"
    yield good.replace(b"}", b" "), "the header of an array is none"
    yield good.replace(b"'<f8'", b"'|O' "), "the header of an array is none"
    yield good.replace(b"'<f8'", b"'<M8'"), "of a type that is not read"
    yield good.replace(b"\x93NUMPY", b"\x93NUMPX"), "no array"
    yield good.replace(b"NUMPY\x01", b"NUMPY\x03"), "no array"
    empty = _npy(np.zeros((3, 0)))
    yield empty.replace(b"(3, 0), }" + b" " * 9, b"(9999999999, 0), }"), "has no bytes"
    yield b"", "ends within"
    yield _npy(np.array([True])).replace(b"\n\x01", b"\n\x02"), "truth values"
    yield _npy(np.array(["a"]))[:-4] + b"\xff\xff\xff\x7f", "no character"
    yield _npy(np.array(["a"]))[:-4] + b"\x00\xd8\x00\x00", "no character"


@pytest.mark.parametrize(("content", "message"), [*_wrong_arrays()])
def test_arrays_that_are_none_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_npy(io.BytesIO(content), len(content))


def _points_with(folder: Path, **changes: Any) -> Path:
    content = whole("points")[0]
    with np.load(io.BytesIO(content)) as archive:
        arrays = {**archive, **changes}
    np.savez(folder / "points.npz", **{n: a for n, a in arrays.items() if a is not None})
    return folder / "points.npz"


@pytest.mark.parametrize(
    "changes",
    [
        {"q": np.array(["a"] * 4)},
        {"h": np.ones((4, 3), complex)},
        {"count": np.zeros(4, np.int64)},
        {"cell": np.zeros(4)},
        {"kind_codes": np.full(4, -1)},
        {"tol_unique": np.array(np.nan)},
        {"tol_unique": np.array("x")},
        {"starts": None},
        {"iterations": np.ones(4)},
    ],
)
def test_columns_that_could_not_be_worked_with_are_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    repeated = {name: np.repeat(a, 2, 0) if np.ndim(a) else a for name, a in changes.items()}
    for attempt in (changes, repeated):
        with pytest.raises(ValueError, match=r"points\.npz is not a file of fixed points"):
            nc.FixedPoints.load(_points_with(tmp_path, **attempt))


def test_texts_that_many_rows_repeat_are_bounded(tmp_path: Path) -> None:
    """One long text and many numbers of it are a small file, but large once put together."""
    long = np.array(["a" * 1_000_000])
    path = _points_with(tmp_path, reason_texts=long, reason_codes=np.zeros(100_000, np.uint8))
    with pytest.raises(FileError, match=r"points\.npz unpacks to more than"):
        nc.FixedPoints.load(path)


@pytest.mark.parametrize("column", ["h", "starts", "inputs", "condition", "q"])
def test_points_are_made_of_arrays(column: str, tmp_path: Path) -> None:
    points = nc.FixedPoints.load(_points_with(tmp_path))
    with pytest.raises(TypeError, match=f"{column} must be an array"):
        nc.FixedPoints(**{**vars(points), column: 0.5})


# JSON and checkpoints


@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "{" + '"a":{' * 100_000, "9" * 100_000, "NaN", "1e999", "[1", "", "\ud800"],
)
def test_json_that_no_one_wrote_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(FileError, match=r"a\.json is not a thing"):
        read_json(path, "a thing")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("best_epoch", 0), ("best_epoch", 3), ("best_epoch", -1), ("test_accuracy", 1.5),
        ("history", []), ("corpus", None), ("settings", {"hidden_size": 10**9}),
        ("settings", {"layers": 10**9}), ("settings", {"embedding_size": 10**9}),
        ("settings", {"classes": 10**9}), ("settings", {"hidden_size": 5}),
        ("settings", {"layers": 2}), ("settings", {"cell": "lstm"}),
    ],
)  # fmt: skip
def test_a_run_whose_settings_are_damaged_is_refused(
    tmp_path: Path, field: str, value: Any
) -> None:
    """Sizes of any size are compared with the weights before a network of them is made."""
    folder = shutil.copytree(RUN, tmp_path / "run")
    path = folder / "settings.json"
    record = json.loads(path.read_text())
    record[field] = {**record[field], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(record))
    with pytest.raises(CheckpointError, match="run"):
        load_checkpoint(folder).model()


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(RUN, tmp_path / "run")
    weights = load_file(folder / "weights.safetensors")
    weights["readout.bias"][:] = np.nan
    save_file(weights, folder / "weights.safetensors")
    with pytest.raises(CheckpointError, match=r"readout\.bias is not finite"):
        load_checkpoint(folder).model()
