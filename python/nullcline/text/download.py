"""Where the public data come from, and how they get here: local copies first, then downloads."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import http
import http.client
import logging
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pooch
from tqdm import tqdm

from nullcline._support.reading import FileError
from nullcline.text.originals import ORIGINALS, Original

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["ORIGINALS", "Original", "fetch", "find_copy"]

_log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_TIMEOUT = 60.0  # seconds without a byte
_SCHEMES = {"https"}


def fetch(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    progress: bool = True,
    *,
    copies: Iterable[str] | None = None,
) -> Path:
    """Return the path of a public data set: a local copy, or else the downloaded original.

    Local copies are looked for in `data_dir`, then in the folder that the environment variable
    ``NULLCLINE_DATA`` names: the original archive, or its content compressed in another way, or
    unpacked. They have no known hash; who reads them checks what they hold. Otherwise the original
    is downloaded, once, by https alone, into the platform's cache folder, and its SHA-256 checked.
    A download that was interrupted is continued; one that is longer than it should be is given up.

    Parameters
    ----------
    name
        One of `ORIGINALS`, such as ``"imdb"`` or ``"glove"``.
    data_dir
        A folder with local copies.
    progress
        Show a progress bar.
    copies
        Names or glob patterns of local copies, the best first, that will do as well; None takes
        those in `ORIGINALS`.

    Returns
    -------
    pathlib.Path
        A file, or the folder of an unpacked copy.

    Raises
    ------
    ValueError
        `name` is none of these, or what was downloaded is too long or does not have the known hash.
    OSError
        A folder does not exist, the download fails, or it cannot be written.
    """
    if name not in ORIGINALS:
        raise ValueError(f"name must be one of {', '.join(map(repr, ORIGINALS))}, not {name!r}")
    original = ORIGINALS[name]
    patterns = tuple(copies or original.copies)
    found = _find_local(patterns, data_dir)
    if found is None and (folders := _folders(data_dir)):
        _log.warning(
            "no %s in %s; using the download instead",
            " or ".join(patterns),
            " or ".join(map(str, folders.values())),
        )
    return found or _download(original, progress=progress)


def find_copy(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    *,
    copies: Iterable[str] | None = None,
) -> Path | None:
    """Return what `fetch` would return without a download; None where it would download.

    Parameters
    ----------
    name, data_dir, copies
        As for `fetch`.
    """
    original = ORIGINALS[name]
    cached = pooch.os_cache("nullcline") / original.file
    found = _find_local(tuple(copies or original.copies), data_dir)
    return found or (cached if cached.is_file() else None)


def _folders(data_dir: str | os.PathLike[str] | None) -> dict[str, Path]:
    """Return the folders with local copies by who named them, in the order of their search."""
    named = {"data_dir": data_dir, "NULLCLINE_DATA": os.environ.get("NULLCLINE_DATA")}
    return {argument: Path(folder) for argument, folder in named.items() if folder}


def _find_local(
    patterns: Iterable[str], data_dir: str | os.PathLike[str] | None = None
) -> Path | None:
    """Return the first local copy by one of the names or patterns, the best of which come first.

    Raises
    ------
    NotADirectoryError
        A folder is named and is none.
    """
    for argument, folder in _folders(data_dir).items():
        if not folder.is_dir():
            raise NotADirectoryError(
                errno.ENOTDIR, f"{argument} must name a folder that exists", str(folder)
            )
        for pattern in patterns:
            if found := sorted(folder.glob(pattern)):
                return found[0]
    return None


def _download(original: Original, *, progress: bool) -> Path:
    pooch.get_logger().setLevel("WARNING")  # the progress bar says the same
    try:
        path = pooch.retrieve(
            original.url,
            known_hash=original.known_hash,
            fname=original.file,
            path=pooch.os_cache("nullcline"),
            downloader=partial(_resume, original=original, progress=progress),
        )
    except FileError:
        raise
    except ValueError as error:
        raise ValueError(
            f"{original.url} does not have its known hash {original.known_hash}: it was damaged on "
            f"its way or has been changed; it was not kept. Run again, or {_by_hand(original)}"
        ) from error
    return Path(path)


def _by_hand(original: Original) -> str:
    """Say what can be done where a download is not to be had."""
    algorithm, _, digest = original.known_hash.partition(":")
    return (
        f"put {original.file}, {original.size:,} bytes with {algorithm.upper()} {digest}, into a "
        "folder and name it by data_dir or NULLCLINE_DATA"
    )


def _resume(url: str, output_file: str, _pooch: Any, *, original: Original, progress: bool) -> None:
    """Download into a ``.partial`` file beside `output_file`, which the next try continues."""
    unfinished = Path(output_file).with_name(f"{url.rsplit('/', 1)[-1]}.partial")
    with _explain_failure(original, unfinished):
        with open(unfinished, "ab", opener=_no_link) as file:
            _lock(file)
            try:
                _receive(url, file, original, progress=progress)
            except FileError:
                unfinished.unlink()
                raise
        unfinished.replace(output_file)


def _no_link(path: str, flags: int) -> int:
    """Open a file to write to, and nothing that a link leads to."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)


def _lock(file: IO[bytes]) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        error.strerror = "another process is downloading this; wait for it"
        raise


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a server's word to another address if that is as safe."""

    def redirect_request(self, *arguments: Any, **options: Any) -> urllib.request.Request | None:
        request = super().redirect_request(*arguments, **options)
        if request is not None:
            _require_safe(request.full_url)
        return request


def _require_safe(url: str) -> None:
    if urllib.parse.urlsplit(url).scheme not in _SCHEMES:
        raise urllib.error.URLError(f"{url} is not an address of https")


def _receive(url: str, file: IO[bytes], original: Original, *, progress: bool) -> None:
    """Append to `file` what it lacks, or all of it where the server does not continue."""
    _require_safe(url)
    start = file.tell()
    headers = {"User-Agent": "nullcline"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - of a scheme that is safe
    try:
        response = urllib.request.build_opener(_Redirects).open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:
            if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # nothing is missing: the hash tells whether it is right
            raise
    with response:
        if start and response.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0
            file.truncate(0)
            file.seek(0)
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None
        with tqdm(
            desc=Path(url).name,
            total=total,
            initial=start,
            unit="B",
            unit_scale=True,
            disable=not progress,
        ) as bar:
            while chunk := response.read(_CHUNK):
                if file.tell() + len(chunk) > original.size:
                    raise FileError(
                        f"{url} sends more than the {original.size:,} bytes that it should have; "
                        f"it was not kept. Run again, or {_by_hand(original)}"
                    )
                file.write(chunk)
                bar.update(len(chunk))
        file.flush()
    if total is not None and file.tell() < total:
        raise ConnectionError(f"the connection broke after {file.tell()} of {total} bytes")


@contextlib.contextmanager
def _explain_failure(original: Original, unfinished: Path) -> Iterator[None]:
    try:
        yield
    except (
        urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError,
    ) as error:  # fmt: skip
        raise ConnectionError(
            f"cannot download {original.url} ({error}). What has come so far is kept, and the next "
            f"try continues there. Offline, {_by_hand(original)}"
        ) from error
    except OSError as error:
        why = "it is a link; remove it" if error.errno == errno.ELOOP else error.strerror
        raise OSError(error.errno, why, str(unfinished)) from error
