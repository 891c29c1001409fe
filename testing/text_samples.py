"""Small archives in every format that a local copy of a corpus may have."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMATS = (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar", ".zip", "")
_TAR_MODES: dict[str, Literal["w:gz", "w:xz", "w:bz2", "w:"]] = {
    ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.xz": "w:xz", ".tar.bz2": "w:bz2", ".tar": "w:",
}  # fmt: skip


def write_archive(stem: Path, suffix: str, files: Mapping[str, bytes]) -> Path:
    """Write `files` to an archive at `stem` with `suffix`, or with none, to a folder's parent."""
    path = stem.with_name(stem.name + suffix)
    if suffix == "":
        for name, content in files.items():
            member = stem.parent / name
            member.parent.mkdir(parents=True, exist_ok=True)
            member.write_bytes(content)
        return stem.parent / next(iter(files)).split("/")[0]
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, _TAR_MODES[suffix]) as tar:
        for name, content in files.items():
            member_info = tarfile.TarInfo(name)
            member_info.size = len(content)
            tar.addfile(member_info, io.BytesIO(content))
    return path
