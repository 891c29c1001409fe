"""Every corpus from every damaged copy: one exception, which names the file and what to do."""

from __future__ import annotations

import gzip
import tarfile
from typing import TYPE_CHECKING

import pytest

from nullcline.text import fetch, load_corpus
from nullcline.text.originals import ORIGINALS
from testing.text_samples import SAMPLES, expect_samples, write_sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAIN = {
    "imdb": "aclImdb/train/neg/10_2.txt",
    "sst": "trees/train.txt",
    "yelp-polarity": "yelp_review_polarity_csv/train.csv",
    "yelp-full": "yelp_review_full_csv/train.csv",
    "ag-news": "ag_news_csv/train.csv",
}
"""A file that each archive cannot do without."""


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NULLCLINE_DATA", raising=False)
    expect_samples(monkeypatch)


def _cut_short(path: Path, _: str) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _change_a_byte(path: Path, _: str) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def _change_the_checksum(path: Path, _: str) -> None:
    content = bytearray(path.read_bytes())
    content[-8] ^= 0xFF
    path.write_bytes(content)


def _answer_of_a_server(path: Path, _: str) -> None:
    path.write_bytes(b"<html>404 Not Found</html>")


def _nothing(path: Path, _: str) -> None:
    path.write_bytes(b"")


def _without(path: Path, name: str) -> None:
    _rewrite(path, name, None)


def _in_another_encoding(path: Path, name: str) -> None:
    _rewrite(path, name, SAMPLES[name][MAIN[name]] + "“é”".encode("cp1252"))


def _leaving_its_folder(path: Path, name: str) -> None:
    _add(path, tarfile.TarInfo("../outside.csv"))


def _with_a_link(path: Path, name: str) -> None:
    link = tarfile.TarInfo(MAIN[name] + ".old")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    _add(path, link)


def _that_fills_the_disk(path: Path, name: str) -> None:
    huge = tarfile.TarInfo(MAIN[name])
    huge.size = 1 << 40
    path.write_bytes(gzip.compress(huge.tobuf()))


def _rewrite(path: Path, name: str, content: bytes | None) -> None:
    files = dict(SAMPLES[name])
    del files[MAIN[name]]
    write_sample(path.parent, name, ".tar.gz", files | ({MAIN[name]: content} if content else {}))


def _add(path: Path, member: tarfile.TarInfo) -> None:
    content = gzip.decompress(path.read_bytes()).rstrip(b"\0")
    path.write_bytes(gzip.compress(content + bytes(-len(content) % 512) + member.tobuf()))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_cut_short, "is damaged or cut short.*copy or download it again"),
        (_change_a_byte, "is damaged or cut short.*copy or download it again"),
        (_change_the_checksum, "is damaged or cut short.*copy or download it again"),
        (_answer_of_a_server, "is not an archive.*copy or download it again"),
        (_nothing, "is not an archive.*copy or download it again"),
        (_without, "holds .*it is cut short or not this corpus; copy it again"),
        (_in_another_encoding, "is not UTF-8 text"),
        (_leaving_its_folder, r"'\.\./outside\.csv' leaves the archive's folder; get it from"),
        (_with_a_link, "is a link or a device; get it from its source again"),
        (_that_fills_the_disk, "is refused: its member .* has 1,099,511,627,776 bytes"),
    ],
)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_damaged_archive_is_named_with_what_to_do(
    name: str, damage: Callable[[Path, str], None], message: str, tmp_path: Path
) -> None:
    path = write_sample(tmp_path, name, ".tar.gz", SAMPLES[name])
    load_corpus(name, data_dir=tmp_path, progress=False)
    damage(path, name)
    with pytest.raises(ValueError, match=f"{path.name}.*{message}"):
        load_corpus(name, data_dir=tmp_path, progress=False)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_link_in_a_folder_is_refused(name: str, tmp_path: Path) -> None:
    folder = write_sample(tmp_path, name, "", SAMPLES[name])
    wanted = tmp_path / MAIN[name]
    wanted.rename(tmp_path / "elsewhere")
    wanted.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=rf"{folder.name} is refused: .* is a link or a device"):
        load_corpus(name, data_dir=tmp_path, progress=False)


@pytest.mark.parametrize("name", ORIGINALS)
def test_where_an_original_is_and_what_a_good_copy_is_are_said_offline(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ORIGINALS[name]
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.OpenerDirector.open", _no_network)
    with pytest.raises(ConnectionError) as caught:
        fetch(name, progress=False)
    said = str(caught.value)
    for part in (original.url, f"put {original.file}, ", original.known_hash.split(":")[1]):
        assert part in said
    assert "into a folder and name it by data_dir or NULLCLINE_DATA" in said


def _no_network(*_: object, **__: object) -> None:
    raise ConnectionError("no network")
