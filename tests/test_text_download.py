"""Downloads from a server on this machine: whole, continued, damaged, refused."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import http.server
import json
import re
import resource
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nullcline.cli import main
from nullcline.text import CORPORA, download, fetch
from nullcline.text.download import ORIGINALS, Original

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONTENT = bytes(range(256)) * 20_000
_HASH = f"sha256:{hashlib.sha256(_CONTENT).hexdigest()}"


@dataclass
class _Server:
    """What the server serves, how, and what it was asked for."""

    url: str = ""
    content: bytes = _CONTENT
    breaks_after: int | None = None
    continues: bool = True
    status: int = 200
    leads_to: str = ""
    ranges: list[str | None] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[_Server]:
    served = _Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            served.ranges.append(asked)
            if served.leads_to:
                self.send_response(302)
                self.send_header("Location", served.leads_to)
                self.end_headers()
                return
            if served.status != 200:
                self.send_error(served.status)
                return
            start = 0
            if asked and served.continues:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(served.content):
                self.send_error(416)
                return
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(served.content) - start))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the client may hang up
                self.wfile.write(served.content[start : served.breaks_after])

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        served.url = f"http://127.0.0.1:{httpd.server_port}/data/aclImdb_v1.tar.gz"
        original = Original(served.url, _HASH, ("aclImdb_v1.tar.gz",), len(_CONTENT))
        monkeypatch.setitem(ORIGINALS, "imdb", original)
        monkeypatch.setattr(download, "_SCHEMES", {"http"})
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.delenv("NULLCLINE_DATA", raising=False)
        yield served
        httpd.shutdown()
        thread.join()


def _cached(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_a_file_is_downloaded_once(server: _Server, tmp_path: Path) -> None:
    path = fetch("imdb", progress=False)
    assert path.name == "aclImdb_v1.tar.gz"
    assert path.read_bytes() == _CONTENT
    assert fetch("imdb", progress=False) == path
    assert server.ranges == [None]
    assert _cached(tmp_path) == {path.name: _CONTENT}


def test_a_progress_bar_is_shown_or_not(server: _Server, capfd: pytest.CaptureFixture[str]) -> None:
    path = fetch("imdb", progress=True)
    assert "aclImdb_v1.tar.gz: 100%" in capfd.readouterr().err
    path.unlink()
    fetch("imdb", progress=False)
    assert capfd.readouterr() == ("", "")


def test_an_interrupted_download_is_continued(server: _Server, tmp_path: Path) -> None:
    server.breaks_after = 3_000_000
    with pytest.raises(ConnectionError, match=r"cannot download http.* the next try continues"):
        fetch("imdb", progress=False)
    assert _cached(tmp_path) == {"aclImdb_v1.tar.gz.partial": _CONTENT[:3_000_000]}
    server.breaks_after = None
    assert fetch("imdb", progress=False).read_bytes() == _CONTENT
    assert server.ranges == [None, "bytes=3000000-"]
    assert _cached(tmp_path) == {"aclImdb_v1.tar.gz": _CONTENT}


def test_a_server_that_does_not_continue_is_asked_for_all(server: _Server, tmp_path: Path) -> None:
    server.breaks_after = 3_000_000
    with pytest.raises(ConnectionError):
        fetch("imdb", progress=False)
    server.breaks_after, server.continues = None, False
    assert fetch("imdb", progress=False).read_bytes() == _CONTENT
    assert _cached(tmp_path) == {"aclImdb_v1.tar.gz": _CONTENT}


def test_a_download_that_lacked_its_last_step_only_is_finished(
    server: _Server, tmp_path: Path
) -> None:
    path = fetch("imdb", progress=False)
    path.rename(path.with_name(f"{path.name}.partial"))
    assert fetch("imdb", progress=False).read_bytes() == _CONTENT
    assert _cached(tmp_path) == {path.name: _CONTENT}


def test_a_wrong_hash_leaves_nothing_and_harms_nothing(server: _Server, tmp_path: Path) -> None:
    server.content = b"changed"
    with pytest.raises(ValueError, match=r"does not have its known hash sha256:.*Run again"):
        fetch("imdb", progress=False)
    assert _cached(tmp_path) == {}
    server.content = _CONTENT
    assert fetch("imdb", progress=False).read_bytes() == _CONTENT


def test_a_partial_file_of_other_content_is_dropped_in_the_end(
    server: _Server, tmp_path: Path
) -> None:
    path = fetch("imdb", progress=False)
    path.unlink()
    path.with_name(f"{path.name}.partial").write_bytes(b"something else")
    with pytest.raises(ValueError, match="does not have its known hash"):
        fetch("imdb", progress=False)
    assert fetch("imdb", progress=False).read_bytes() == _CONTENT


def test_a_refusal_names_the_address(server: _Server, tmp_path: Path) -> None:
    server.status = 404
    with pytest.raises(ConnectionError, match=r"cannot download http.*404.*NULLCLINE_DATA"):
        fetch("imdb", progress=False)


def test_an_address_where_nobody_answers_is_named(
    server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = Original("http://127.0.0.1:9/aclImdb_v1.tar.gz", _HASH, (), len(_CONTENT))
    monkeypatch.setitem(ORIGINALS, "imdb", nowhere)
    with pytest.raises(ConnectionError, match=r"cannot download http://127\.0\.0\.1:9/"):
        fetch("imdb", progress=False)


def test_a_full_disk_is_named(server: _Server, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match=r"aclImdb_v1\.tar\.gz\.partial") as caught:
            fetch("imdb", progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert "aclImdb_v1.tar.gz" not in _cached(tmp_path)


def test_nothing_is_written_through_a_link(server: _Server, tmp_path: Path) -> None:
    path = fetch("imdb", progress=False)
    path.unlink()
    other = tmp_path / "other"
    other.write_bytes(b"mine")
    path.with_name(f"{path.name}.partial").symlink_to(other)
    with pytest.raises(OSError, match=r"it is a link; remove it: .*aclImdb_v1\.tar\.gz\.partial"):
        fetch("imdb", progress=False)
    assert other.read_bytes() == b"mine"


def test_a_download_that_does_not_end_is_given_up(server: _Server, tmp_path: Path) -> None:
    server.content = _CONTENT + b"more"
    with pytest.raises(ValueError, match=r"sends more than the 5,120,000 bytes"):
        fetch("imdb", progress=False)
    assert _cached(tmp_path) == {}


def test_what_is_not_https_is_refused(server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_SCHEMES", {"https"})
    with pytest.raises(ConnectionError, match="is not an address of https"):
        fetch("imdb", progress=False)
    assert not server.ranges


def test_no_server_leads_to_an_unsafe_address(server: _Server) -> None:
    server.leads_to = server.url.replace("http:", "ftp:")
    with pytest.raises(ConnectionError, match=r"ftp://.* is not an address of https"):
        fetch("imdb", progress=False)
    server.leads_to = ""
    assert fetch("imdb", progress=False).read_bytes() == _CONTENT


def test_originals_come_by_https_and_are_known_by_their_sha256() -> None:
    for original in ORIGINALS.values():
        assert original.url.startswith("https://")
        assert re.fullmatch("sha256:[0-9a-f]{64}", original.known_hash)


def test_two_downloads_at_a_time_do_not_mix(server: _Server) -> None:
    path = fetch("imdb", progress=False)
    path.unlink()
    with path.with_name(f"{path.name}.partial").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError, match="another process is downloading this"):
            fetch("imdb", progress=False)
    assert fetch("imdb", progress=False).read_bytes() == _CONTENT


def test_local_copies_come_first(
    server: _Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    monkeypatch.setenv("NULLCLINE_DATA", str(theirs))
    (theirs / "aclImdb_v1.tar.gz").write_bytes(b"theirs")
    assert fetch("imdb", ours, progress=False).read_bytes() == b"theirs"
    (ours / "aclImdb_v1.tar.gz").write_bytes(b"ours")
    assert fetch("imdb", ours, progress=False).read_bytes() == b"ours"
    assert not caplog.records
    assert not server.ranges


def test_a_folder_without_a_copy_leads_to_the_download(
    server: _Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.setenv("NULLCLINE_DATA", str(empty))
    assert fetch("imdb", progress=False).read_bytes() == _CONTENT
    assert f"no aclImdb_v1.tar.gz in {empty}; using the download instead" in caplog.text


def test_bad_arguments_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"one of 'imdb', 'sst', .*'glove', .*, not 'amazon'"):
        fetch("amazon")
    monkeypatch.setenv("NULLCLINE_DATA", str(tmp_path / "missing"))
    with pytest.raises(NotADirectoryError, match="NULLCLINE_DATA must name a folder"):
        fetch("imdb")


def test_what_can_be_fetched_is_listed_with_what_is_here(
    server: _Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch("imdb", progress=False)
    (tmp_path / "ag_news_csv").mkdir()
    (tmp_path / "glove.6B.100d.some.txt.xz").touch()
    assert main(["data", "list", "--data-dir", str(tmp_path), "--json"]) == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert list(listed) == list(ORIGINALS)
    here = {name: one["here"] for name, one in listed.items() if one["here"]}
    assert here.keys() == {"imdb", "ag-news", "glove"}
    assert here["ag-news"] == str(tmp_path / "ag_news_csv")
    assert listed["ag-news"]["size"] == 11_784_419
    assert main(["data", "list", "--data-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ORIGINALS)
    assert len(server.ranges) == 1


def test_the_page_on_corpora_says_where_each_is_and_what_it_is_known_by() -> None:
    page = (Path(__file__).parents[1] / "docs" / "corpora.md").read_text("utf-8")
    for name, original in ORIGINALS.items():
        known = f"{original.size:,} | `{original.known_hash.removeprefix('sha256:')}`"
        said = f"| `{name}` | [{original.file}]({original.url}) | {known} | {original.terms} |"
        assert said in page
    for name in CORPORA:
        assert f"\n| `{name}` | " in page


def test_the_command_line_names_every_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    said = " ".join(capsys.readouterr().out.replace("-\n", "-").split())
    assert f"{', '.join(CORPORA)}, or a CSV file" in said.replace("- ", "-")
