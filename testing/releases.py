"""Versions and what changed in them: CHANGELOG.md as https://keepachangelog.com lays it out.

python -m testing.releases check v0.2.0    # may this tag be released?
python -m testing.releases notes v0.2.0    # what changed in it
"""

from __future__ import annotations

import itertools
import re
import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parent.parent

SECTIONS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
UNRELEASED = "Unreleased"

_RELEASE = re.compile(r"## \[(.+)\](?: - (\S+))?")
_NUMBER = re.compile(r"\d+\.\d+\.\d+")


@dataclass
class Release:
    """What changed in one version, by section."""

    name: str
    day: date | None
    sections: dict[str, str] = field(default_factory=dict)

    def notes(self) -> str:
        """Return the sections as Markdown."""
        return "\n\n".join(f"### {name}\n\n{text}" for name, text in self.sections.items())


def number(version: str) -> tuple[int, ...]:
    """Return what versions are ordered by."""
    if not _NUMBER.fullmatch(version):
        raise ValueError(f"{version!r} is no version such as 1.2.3")
    return tuple(map(int, version.split(".")))


def version() -> str:
    """Return the version that pyproject.toml gives, the one place where it is written by hand."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    found = re.search(r'^version = "(.+)"$', text, re.MULTILINE)
    if found is None:
        raise ValueError("pyproject.toml has no line `version = ...`")
    return found[1]


def read(text: str) -> list[Release]:
    """Return the releases of a changelog, the newest first, or say in what line it is none."""
    releases: list[Release] = []
    section: list[str] | None = None
    texts: list[tuple[Release, str, list[str]]] = []
    for at, line in enumerate(text.splitlines(), 1):
        if line.startswith("## "):
            releases.append(_release(line, at))
            section = None
        elif line.startswith("### "):
            name = line.removeprefix("### ")
            if not releases or name not in SECTIONS or name in releases[-1].sections:
                raise ValueError(f"line {at}: {line!r} is none of {', '.join(SECTIONS)}, once each")
            releases[-1].sections[name] = ""
            section = []
            texts.append((releases[-1], name, section))
        elif section is not None:
            section.append(line)
        elif line.startswith(("- ", "#### ")):
            raise ValueError(f"line {at}: {line!r} is in no section of a release")
    for release, name, lines in texts:
        release.sections[name] = "\n".join(lines).strip()
    _check_order(releases)
    return releases


def _release(line: str, at: int) -> Release:
    found = _RELEASE.fullmatch(line)
    if found is None or (found[1] == UNRELEASED) is not (found[2] is None):
        raise ValueError(f"line {at}: {line!r} is neither [{UNRELEASED}] nor [1.2.3] - 2001-12-31")
    return Release(found[1], None if found[2] is None else date.fromisoformat(found[2]))


def _check_order(releases: list[Release]) -> None:
    if not releases or releases[0].name != UNRELEASED:
        raise ValueError(f"the first heading is not [{UNRELEASED}]")
    for newer, older in itertools.pairwise(releases[1:]):
        if number(newer.name) <= number(older.name) or str(newer.day) < str(older.day):
            raise ValueError(f"[{newer.name}] is not newer than [{older.name}], which is below it")
    for release in releases[1:]:
        number(release.name)
    for release in releases:
        empty = [name for name, text in release.sections.items() if not text]
        if empty or (not release.sections and release.name != UNRELEASED):
            raise ValueError(f"[{release.name}] has nothing in {' and '.join(empty) or 'it'}")


def changelog() -> list[Release]:
    """Return the releases of CHANGELOG.md."""
    return read((ROOT / "CHANGELOG.md").read_text("utf-8"))


def released(tag: str, releases: list[Release]) -> Release:
    """Return the release that a tag is of, or say why it is of none."""
    if tag != f"v{version()}":
        raise ValueError(f"the tag is {tag}, and the version {version()}: tag it v{version()}")
    if releases[0].sections:
        raise ValueError(f"move what is in [{UNRELEASED}] to [{version()}], or raise the version")
    if len(releases) == 1 or releases[1].name != version():
        raise ValueError(f"CHANGELOG.md has no [{version()}] at its top")
    return releases[1]


if __name__ == "__main__":
    try:
        release = released(sys.argv[2], changelog())
    except ValueError as error:
        sys.exit(f"releases: {error}")
    if sys.argv[1] == "notes":
        print(release.notes())  # noqa: T201
