"""Archives are read in every format, and refused when damaged or dangerous."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from nullcline.text.archives import read_members
from testing.text_samples import FORMATS, write_archive

if TYPE_CHECKING:
    from pathlib import Path

_FILES = {
    "top/a.txt": b"alpha",
    "top/b/c.txt": bytes(range(256)) * 300,
    "top/skipped.dat": b"no",
    "top/empty.txt": b"",
}
_WANTED = {name: content for name, content in _FILES.items() if name.endswith(".txt")}


def _read(path: Path) -> dict[str, bytes]:
    return dict(read_members(path, lambda name: name.endswith(".txt")))


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_members(tmp_path: Path, suffix: str) -> None:
    assert _read(write_archive(tmp_path / "archive", suffix, _FILES)) == _WANTED


@pytest.mark.parametrize("suffix", [suffix for suffix in FORMATS if suffix not in ("", ".tar")])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_an_archive_that_is_cut_short_is_named(tmp_path: Path, suffix: str, share: float) -> None:
    path = write_archive(tmp_path / "archive", suffix, _FILES)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(
        ValueError, match=r"archive.* it is damaged or cut short .*copy or download"
    ):
        _read(path)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.xz", ".tar.bz2", ".zip"])
def test_a_changed_byte_is_noticed(tmp_path: Path, suffix: str) -> None:
    path = write_archive(tmp_path / "archive", suffix, _FILES)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"archive.* it is damaged or cut short"):
        _read(path)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x00" * 100, b"PK\x03\x04"])
def test_what_is_no_archive_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"archive\.tar\.gz is not an archive, or it is damaged or cut short"
    ):
        _read(path)


def test_a_tar_archive_cut_within_a_member_is_named(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "archive", ".tar", _FILES)
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(ValueError, match=r"archive\.tar .*is damaged or cut short"):
        _read(path)


@pytest.mark.parametrize(
    "name", ["../evil.txt", "top/../../evil.txt", "/etc/evil.txt", "..\\evil.txt", "C:/evil.txt"]
)
@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_members_that_leave_the_folder_are_refused(tmp_path: Path, suffix: str, name: str) -> None:
    path = write_archive(tmp_path / "archive", suffix, {name: b"evil"})
    with pytest.raises(ValueError, match="leaves the archive's folder"):
        list(read_members(path, lambda _: False))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_archive_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = tmp_path / "archive.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("top/link.txt")
        member.type = kind
        member.linkname = "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(ValueError, match="is a link or a device"):
        _read(path)


def test_links_in_a_zip_archive_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo("top/link.txt")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(ValueError, match="is a link or a device"):
        _read(path)


def test_links_in_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "top"
    folder.mkdir()
    (folder / "link.txt").symlink_to(tmp_path / "secret")
    with pytest.raises(ValueError, match="is a link or a device"):
        _read(folder)


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a.txt", b"secret")
    encrypted = bytearray(content.getvalue())
    encrypted[6] |= 1  # the flag in the member's own header
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path = tmp_path / "archive.zip"
    path.write_bytes(encrypted)
    with pytest.raises(ValueError, match=r"a\.txt is encrypted"):
        _read(path)
