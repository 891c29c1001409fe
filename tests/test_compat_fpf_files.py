"""Old files are read as data: whatever a pickle says, nothing runs and memory is the file's."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nullcline.compat.fpf import FixedPoints, read_fps
from nullcline.compat.fpf._pickle_data import parse

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOLS = (3, 4, 5)


def attributes(n: int = 3, n_states: int = 4, n_inputs: int = 2) -> dict[str, Any]:
    """Return what the other package pickles: its object's attributes, made up."""
    rng = np.random.default_rng(n)
    state = (n, n_states)
    return {
        "tol_unique": 1e-3,
        "dtype": np.dtype("float32"),
        "dtype_complex": np.complex64,
        "do_alloc_nan": False,
        "verbose": False,
        "n": n,
        "n_states": n_states,
        "n_inputs": n_inputs,
        "xstar": rng.normal(size=state).astype(np.float32),
        "x_init": rng.normal(size=state),
        "inputs": rng.normal(size=(n, n_inputs)),
        "F_xstar": rng.normal(size=state).astype(np.float32),
        "qstar": rng.uniform(size=n).astype(np.float32),
        "dq": rng.uniform(size=n).astype(np.float32),
        "n_iters": np.full(n, 5000),
        "J_xstar": np.asfortranarray(rng.normal(size=(n, n_states, n_states))),
        "eigval_J_xstar": rng.normal(size=state).astype(np.complex64),
        "eigvec_J_xstar": rng.normal(size=(n, n_states, n_states)).astype(np.complex64),
        "is_stable": np.array([True, False] * n)[:n],
        "cond_id": None,
        "dFdu": None,
    }


def of_python_2(values: dict[str, Any]) -> bytes:
    """Return the pickle of protocol 0 that Python 2 and its NumPy wrote of arrays and numbers."""
    parts = [b"(dp1\n"]
    for i, (name, value) in enumerate(values.items()):
        parts.append(b"S'" + name.encode() + b"'\np%d\n" % (100 + i))
        if value is None:
            parts.append(b"N")
        elif isinstance(value, bool):
            parts.append(b"I0%d\n" % value)
        elif isinstance(value, int):
            parts.append(b"I%d\n" % value)
        elif isinstance(value, float):
            parts.append(b"F%r\n" % value)
        elif isinstance(value, np.ndarray):
            shape = b"(" + b"".join(b"I%d\n" % length for length in value.shape) + b"t"
            code, order = value.dtype.str[1:].encode(), value.dtype.str[:1].encode()
            raw = repr(value.tobytes())[1:].encode()
            parts.append(
                b"cnumpy.core.multiarray\n_reconstruct\np3\n(cnumpy\nndarray\np4\n(I0\ntS'b'\ntR"
                b"(I1\n"
                + shape
                + b"cnumpy\ndtype\n(S'"
                + code
                + b"'\nI0\nI1\ntR(I3\nS'"
                + order
                + b"'\nNNNI-1\nI-1\nI0\ntbI00\nS"
                + raw
                + b"\ntb"
            )
        else:
            parts.append(b"cnumpy\n" + np.dtype(value).name.encode() + b"\n")
        parts.append(b"s")
    return b"".join([*parts, b"."])


def written(folder: Path, content: bytes) -> Path:
    path = folder / "points.fps"
    path.write_bytes(content)
    return path


def check_same(points: FixedPoints, expected: dict[str, Any]) -> None:
    for name, value in expected.items():
        found = getattr(points, name)
        if isinstance(value, np.ndarray):
            assert found.dtype == value.dtype
            np.testing.assert_array_equal(found, value)
        else:
            assert found == value


# What the other package wrote


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_files_of_python_3_are_read(tmp_path: Path, protocol: int) -> None:
    expected = attributes()
    check_same(read_fps(written(tmp_path, pickle.dumps(expected, protocol))), expected)


def test_files_of_python_2_are_read(tmp_path: Path) -> None:
    expected = {name: value for name, value in attributes().items() if name != "J_xstar"}
    content = of_python_2(expected)
    by_pickle = pickle.loads(content, encoding="latin1")  # noqa: S301 - of the lines above
    np.testing.assert_array_equal(by_pickle["xstar"], expected["xstar"])
    check_same(read_fps(written(tmp_path, content)), {**expected, "J_xstar": None})


def test_old_names_of_modules_are_understood(tmp_path: Path) -> None:
    expected = attributes()
    content = pickle.dumps(expected, 3)
    old = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != content
    check_same(read_fps(written(tmp_path, old)), expected)


def test_attributes_that_a_file_lacks_are_defaults(tmp_path: Path) -> None:
    few = {"xstar": np.ones((2, 3)), "tol_unique": np.float32(0.5)}
    points = read_fps(written(tmp_path, pickle.dumps(few)))
    assert (points.n, points.n_states, points.n_inputs) == (2, 3, None)
    assert points.tol_unique == 0.5
    assert points.dtype == np.float32


def test_a_file_is_restored_and_saved_as_an_archive(tmp_path: Path) -> None:
    expected = attributes()
    path = written(tmp_path, pickle.dumps(expected))
    points = FixedPoints()
    points.restore(path)
    check_same(points, expected)
    points.save(path)
    with np.load(path, allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["xstar"], expected["xstar"])
    again = FixedPoints()
    again.restore(path)
    check_same(again, expected)


def test_arrays_can_be_written_to(tmp_path: Path) -> None:
    points = read_fps(written(tmp_path, pickle.dumps(attributes())))
    points.qstar[0] = 7.0
    assert points.qstar[0] == 7.0


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.text(max_size=5),
        st.one_of(
            hnp.arrays(
                st.sampled_from(["<f4", ">f8", "<c8", "<i8", "|u1", "|b1", "<f2"]),
                hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
            ),
            st.none(),
            st.booleans(),
            st.integers(-(2**70), 2**70),
            st.floats(allow_nan=False),
            st.text(max_size=300),
        ),
        max_size=5,
    ),
    st.sampled_from(PROTOCOLS),
)
def test_what_is_parsed_is_what_pickle_reads(values: dict[str, Any], protocol: int) -> None:
    found = parse(pickle.dumps(values, protocol))
    assert found.keys() == values.keys()
    for name, value in values.items():
        assert type(found[name]) is type(value)
        if isinstance(value, np.ndarray):
            assert found[name].dtype == value.dtype
            np.testing.assert_array_equal(found[name], value)
        else:
            assert found[name] == value


# What nobody should read


class Hostile:
    """Pickles as a call."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self._reduced = call, arguments

    def __reduce__(self) -> Any:
        return self._reduced


HOSTILE: dict[str, tuple[Any, str]] = {
    "os.system": (Hostile(os.system, "touch executed"), r"refers to posix\.system"),
    "eval": (Hostile(eval, "open('executed', 'w')"), r"refers to builtins\.eval"),
    "a file": (Hostile(io.open, "executed", "w"), r"refers to io\.open|refers to _io\.open"),
    "a path": (Path("executed"), r"refers to pathlib"),
    "a call in an array": (np.array([Hostile(os.system, "touch executed")], object), "type 'O8'"),
    "an array of objects": (np.array([None, "text"], object), "type 'O8'"),
    "a structured array": (np.zeros(2, [("a", "f4")]), "type 'V4'"),
    "text in an array": (np.array(["a", "b"]), "type 'U1'"),
    "a NumPy function": (np.load, r"refers to numpy.*\.load"),
    "a set": ({1, 2}, "opcode|refers to"),
    "a list": ([1.0, 2.0], "opcode"),
    "a dictionary": ({}, "xstar is a dict"),
    "a tuple": ((1, 2), "xstar is a tuple"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    value, message = HOSTILE[case]
    path = written(tmp_path, pickle.dumps({**attributes(), "xstar": value}, protocol))
    with pytest.raises(ValueError, match=message) as caught:
        read_fps(path)
    assert "points.fps is not a file of" in str(caught.value)
    assert not Path("executed").exists()
    with pytest.raises(ValueError, match=message):
        FixedPoints().restore(path)
    assert not Path("executed").exists()


def test_old_style_calls_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for content in (
        b"cos\nsystem\n(S'touch executed'\ntR.",
        b"(S'touch executed'\nios\nsystem\n.",
        b"(cos\nsystem\nS'touch executed'\no.",
        b"\x80\x02cos\nsystem\nU\x0etouch executed\x85\x81.",
        b"Pexecuted\n.",
        b"\x82\x01.",
    ):
        with pytest.raises(ValueError, match=r"refers to os\.system|opcode"):
            read_fps(written(tmp_path, content))
    assert not Path("executed").exists()


_RECONSTRUCT = b"cnumpy.core.multiarray\n_reconstruct\n"
_FLOATS = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR"

BOMBS: dict[str, bytes] = {
    "memo": b"\x80\x03}r" + struct.pack("<I", 2**32 - 1) + b".",
    "bytes": b"\x80\x03B" + struct.pack("<I", 2**32 - 1) + b".",
    "bytearray": b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b".",
    "text": b"\x80\x03X" + struct.pack("<I", 2**32 - 1) + b".",
    "frame": b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
    "shape": b"(dS'xstar'\n"
    + _RECONSTRUCT
    + b"(NI0\nS'b'\ntR(I1\n(I1000000000000\nt"
    + _FLOATS
    + b"I00\nS''\ntbs.",
    "call of ndarray": b"(dS'xstar'\ncnumpy\nndarray\n(I1000000000000\ntRs.",
    "dimensions": b"(dS'xstar'\n"
    + _RECONSTRUCT
    + b"(NI0\nS'b'\ntR(I1\n("
    + b"L"
    + b"9" * 500
    + b"L\np0\n"
    + b"g0\n" * 5000
    + b"t"
    + _FLOATS
    + b"I00\nS''\ntbs.",
    "digits": b"I" + b"9" * 100_000 + b"\n.",
    "tuples of tuples": b"(d)" + b"q\x00h\x00\x86" * 60 + b"Ns.",
    "shape of tuples": b"(dS'xstar'\n"
    + _RECONSTRUCT
    + b"(NI0\nS'b'\ntR(I1\n)"
    + b"q\x00h\x00\x86" * 60
    + _FLOATS
    + b"I00\nS''\ntbs.",
    "rows without bytes": b"(dS'xstar'\n"
    + _RECONSTRUCT
    + b"(NI0\nS'b'\ntR(I1\n(I1000000000000\nI0\nt"
    + _FLOATS
    + b"I00\nS''\ntbsS'tol_unique'\nF0.1\ns.",
    "marks": b"(" * 1_000_000 + b".",
    "dictionaries": b"}" * 1_000_000 + b".",
    "a long string": b"S'" + b"a" * 4_000_000 + b"'\n.",
    "a long string that is not closed": b"S'" + b"a" * 4_000_000 + b"\n.",
    "depth": b"(" * 10_000 + b"t" * 10_000 + b".",
}


@pytest.mark.parametrize("case", BOMBS)
def test_small_files_take_little_memory_and_time(tmp_path: Path, case: str) -> None:
    import tracemalloc

    path = written(tmp_path, BOMBS[case])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"points\.fps"):
            read_fps(path)
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "rows": ({"qstar": np.zeros(2)}, r"qstar must have 1 dimension\(s\) and 3 rows"),
    "dimensions": ({"xstar": np.zeros(3)}, r"xstar must have 2 dimension\(s\)"),
    "a number": ({"xstar": 3}, "xstar is a int, not an array"),
    "an attribute": ({"weights": np.zeros(3)}, "it has the attributes weights"),
    "tolerance": ({"tol_unique": "much"}, "could not convert"),
    "dtype": ({"dtype": "much"}, "much"),
    "a tolerance that is none": ({"tol_unique": float("nan")}, "tol_unique must be finite"),
    "a dtype of integers": ({"dtype": np.dtype("int32")}, "its types are int32"),
    "states": ({"x_init": np.zeros((3, 5))}, r"x_init of shape \(3, 5\) does not fit"),
    "Jacobians": ({"J_xstar": np.zeros((3, 4, 1))}, r"J_xstar of shape \(3, 4, 1\) does not fit"),
    "integers": ({"xstar": np.zeros((3, 4), int)}, "xstar is of type int64"),
    "complex states": ({"xstar": np.zeros((3, 4), complex)}, "xstar is of type complex128"),
}


@pytest.mark.parametrize("case", BAD)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, case: str) -> None:
    change, message = BAD[case]
    path = written(tmp_path, pickle.dumps({**attributes(), **change}))
    with pytest.raises(ValueError, match=message):
        read_fps(path)


@pytest.mark.parametrize("content", [b"", b".", b"N.", b"PK", b"text\n", b"\x80\x04\x94."])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ValueError, match="is not a file of"):
        read_fps(path)
    with pytest.raises(ValueError, match="is not a file of"):
        FixedPoints().restore(path)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_fps("no such file")
    with pytest.raises(FileNotFoundError, match="no such file"):
        FixedPoints().restore("no such file")


_CONTENTS = [of_python_2({k: v for k, v in attributes().items() if k != "J_xstar"})] + [
    pickle.dumps(attributes(), protocol) for protocol in PROTOCOLS
]


@pytest.mark.parametrize("order", ["(,)", "(", "O,", "(2,)<", "9" * 20, "M8[", ""])
def test_the_byte_order_of_a_type_is_not_evaluated(tmp_path: Path, order: str) -> None:
    named = _FLOATS + f"(I3\nS'{order}'\nNNNI-1\nI-1\nI0\ntb.".encode()
    with pytest.raises(ValueError, match=r"points\.fps .*the byte order of a type is none"):
        read_fps(written(tmp_path, named))


def test_truth_values_are_0_or_1() -> None:
    content = pickle.dumps({"a": np.array([True, False])})
    assert content.count(b"\x01\x00\x94") == 1
    with pytest.raises(ValueError, match="truth values"):
        parse(content.replace(b"\x01\x00\x94", b"\x02\x00\x94"))


@settings(max_examples=100)
@given(st.sampled_from(_CONTENTS), st.floats(0, 1, exclude_max=True))
def test_a_file_cut_short_is_refused(content: bytes, part: float) -> None:
    with pytest.raises((ValueError, TypeError, LookupError)):
        parse(content[: int(part * len(content))])


@settings(max_examples=300)
@given(st.sampled_from(_CONTENTS), st.data())
def test_damaged_files_are_refused_or_read(
    tmp_path_factory: Any, content: bytes, data: st.DataObject
) -> None:
    """A pickle has no checksum: damage to a number cannot be seen, and any other is an error."""
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = written(tmp_path_factory.mktemp("damage"), bytes(damaged))
    try:
        points = read_fps(path)
    except ValueError as error:
        assert "points.fps" in str(error)  # noqa: PT017 - either outcome is right
    else:
        points.assert_valid_shapes()


@settings(max_examples=300)
@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_read(content: bytes) -> None:
    try:
        found = parse(content)
    except (ValueError, TypeError, LookupError, OverflowError):
        return
    assert isinstance(found, dict)


_OPCODES = [opcode.code.encode("latin1") for opcode in pickletools.opcodes]


@settings(max_examples=300)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(_OPCODES),
            st.sampled_from([_RECONSTRUCT, _FLOATS, b"cnumpy\nndarray\n", b"S'x'\n", b"I3\n"]),
            st.binary(max_size=3),
        ),
        max_size=25,
    )
)
def test_any_opcodes_are_refused_or_read(parts: list[bytes]) -> None:
    try:
        found = parse(b"".join(parts) + b".")
    except (ValueError, TypeError, LookupError, OverflowError):
        return
    assert isinstance(found, dict)


def test_the_reader_does_not_import_pickle() -> None:
    import nullcline.compat.fpf._pickle_data as module

    assert "pickle" not in vars(module)
    assert not re.search(
        r"^\s*(import|from) pickle", Path(module.__file__).read_text(), re.MULTILINE
    )
