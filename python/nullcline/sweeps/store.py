"""What a sweep's folder holds of its jobs: for each a folder, and in it a record of how it ended.

The record is written last, whole or not at all, with the hash of every file that the job made and
of itself: without a sound record, a job is not done.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nullcline._support.files import remove_abandoned, sha256, write_json
from nullcline._support.folder_lock import LOCK_FILE
from nullcline._support.reading import FileError, read_json
from nullcline._support.versions import versions
from nullcline.sweeps.rows import packed, unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from nullcline.sweeps.job import Job
    from nullcline.sweeps.rows import Row

RECORD = "job.json"
FORMAT = "nullcline.Job 1"

DONE, FAILED, NOT_DONE = "done", "failed", "not done"
"""How a job ended: with its results, with an exception of its own, or with neither.

The last is the machine's doing, as of a full disk or a worker that was lost, or that of a job which
it depends on. It is not recorded, so that the next sweep does the job.
"""


@dataclass(frozen=True)
class Ending:
    """How a job ended.

    Attributes
    ----------
    status
        "done", "failed" or "not done".
    rows
        What its function returned.
    seconds, cpu_seconds
        How long it ran, and how long processors worked for it.
    reason, traceback
        What it failed by, in a line, and where; empty if it is done.
    files
        The SHA-256 of every file in its folder.
    machine
        Where it ran, as far as the last bits of results depend on that.
    error
        The exception itself, where it was raised in this process and just now.
    """

    status: str
    rows: tuple[Row, ...] = ()
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    reason: str = ""
    traceback: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    machine: str = ""
    error: BaseException | None = None


@dataclass(frozen=True)
class Found:
    """What is there of a job.

    Attributes
    ----------
    ending
        How it ended, or None.
    damage
        What of it was damaged, in a line.
    is_anothers
        Whether the folder holds the sound record of another job.
    """

    ending: Ending | None
    damage: str = ""
    is_anothers: bool = False


def look(folder: Path, key: str) -> Found:
    """Return what a job's folder holds of the job with this key.

    Damaged files are removed, so that the job finds no other than sound ones when it is done again.
    """
    try:
        record = _read(folder / RECORD)
    except FileNotFoundError:
        return Found(None)
    except FileError as error:
        (folder / RECORD).unlink()
        return Found(None, str(error))
    if record["format"] != FORMAT or record["key"] != key:
        return Found(None, is_anothers=record["format"] == FORMAT)
    hashes = record["files"]
    damaged = [name for name in hashes if _sha256(folder / name) != hashes[name]]
    if damaged:
        for name in (RECORD, *damaged):
            (folder / name).unlink(missing_ok=True)
        return Found(None, f"{folder / damaged[0]} is damaged or gone" + _others(damaged))
    names = ("status", "seconds", "cpu_seconds", "reason", "traceback", "files", "machine")
    own = {name: record[name] for name in names if name in record}  # early ones lack some
    return Found(Ending(rows=tuple(unpacked(record["rows"])), **own))


def _read(path: Path) -> dict[str, Any]:
    """Return a record that is as it was written."""
    record = read_json(path, "the record of a job")
    if not isinstance(record, dict) or record.pop("sha256", None) != _own_sha256(record):
        raise FileError(f"{path} is damaged")
    return record


def note(folder: Path, job: Job, ending: Ending) -> None:
    """Write how a job ended: from here on it is done, or has failed."""
    record = {
        "format": FORMAT,
        "key": job.key,
        "label": job.label,
        "function": job.name,
        "version": job.version,
        "threads": job.threads,
        "status": ending.status,
        "seconds": ending.seconds,
        "cpu_seconds": ending.cpu_seconds,
        "reason": ending.reason,
        "traceback": ending.traceback,
        "rows": packed(ending.rows),
        "files": dict(ending.files),
        "versions": versions(),
        "machine": ending.machine,
    }
    write_json(folder / RECORD, {**record, "sha256": _own_sha256(record)})


def holds_jobs(folder: Path) -> bool:
    """Tell whether a sweep's folder has the record of a job, whatever that one's folder is."""
    return next(folder.rglob(RECORD), None) is not None


def files_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that a job has made, by its place in the job's folder."""
    return {path.relative_to(folder).as_posix(): sha256(path) for path in _made(folder)}


def tidy(folder: Path) -> None:
    """Remove what killed processes left half written."""
    for place in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        remove_abandoned(place)


def _made(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        is_ours = path.parent == folder and path.name == RECORD
        if path.is_file() and not path.is_symlink() and path.name != LOCK_FILE and not is_ours:
            yield path


def _sha256(path: Path) -> str | None:
    try:
        return sha256(path)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def _own_sha256(record: Any) -> str:
    text = json.dumps(record, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _others(damaged: list[str]) -> str:
    return f", and {len(damaged) - 1} more" if len(damaged) > 1 else ""
