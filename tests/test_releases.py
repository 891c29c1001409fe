"""A version is written in one place, has its changes, and is what its tag says."""

from __future__ import annotations

import re

import pytest

from testing import releases
from testing.releases import ROOT, Release

CHANGES = """\
# Changelog

What changed.

## [Unreleased]

## [0.2.0] - 2026-02-03

### Added

#### A topic

- One thing,
  in two lines.

### Fixed

- Another.

## [0.1.0] - 2026-01-02

### Added

- The first.
"""


def test_the_changelog_has_the_version_and_its_changes() -> None:
    newest = releases.changelog()[1]
    assert newest.name == releases.version()
    assert newest.sections


def test_other_files_have_the_version_too() -> None:
    said = {
        "CITATION.cff": r"^version: (.+)$",
        "docs/installing.md": r"nullcline:(\d+\.\d+\.\d+)-c",
        "recipe/recipe.yaml": r'^  version: "(.+)"$',
    }
    for name, line in said.items():
        found = re.findall(line, (ROOT / name).read_text("utf-8"), re.MULTILINE)
        assert set(found) == {releases.version()}, name


def test_every_extra_is_told_of_where_installing_is() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (table,) = re.findall(
        r"^\[project.optional-dependencies\]\n(.*?)^\[", project, re.MULTILINE | re.DOTALL
    )
    extras = set(re.findall(r"^(\w+) = ", table, re.MULTILINE))
    page = (ROOT / "docs" / "installing.md").read_text("utf-8")
    told = {
        name for row in re.findall(r"^\| (`.+?) \|", page, re.MULTILINE) for name in row.split(", ")
    }
    assert {f"`{name}`" for name in extras - {"bench", "docs", "lint", "test"}} <= told


def test_a_changelog_is_read_by_release_and_section() -> None:
    unreleased, newer, older = releases.read(CHANGES)
    assert (unreleased.name, unreleased.sections) == ("Unreleased", {})
    assert newer.sections == {
        "Added": "#### A topic\n\n- One thing,\n  in two lines.",
        "Fixed": "- Another.",
    }
    assert older.notes() == "### Added\n\n- The first."
    assert str(older.day) == "2026-01-02"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("### Fixed", "### Mended"), "line 16: '### Mended' is none of Added, "),
        (("### Fixed", "### Added"), "line 16: '### Added' is none of .*, once each"),
        (("### Added\n\n#### A topic", "#### A topic"), "line 9: .* is in no section"),
        (("[0.2.0] - 2026-02-03", "[0.2.0]"), "line 7: .* is neither"),
        (("[0.2.0] - 2026-02-03", "0.2.0"), "line 7: .* is neither"),
        (("2026-02-03", "2026-02-33"), "day is out of range|Invalid isoformat"),
        (("2026-02-03", "3 February"), "line 7: .* is neither"),
        (("[0.2.0]", "[0.2]"), "'0.2' is no version"),
        (("[0.2.0]", "[0.0.9]"), r"\[0.0.9\] is not newer than \[0.1.0\]"),
        (("[0.2.0]", "[0.1.0]"), r"\[0.1.0\] is not newer than \[0.1.0\]"),
        (("2026-01-02", "2026-03-02"), r"\[0.2.0\] is not newer than \[0.1.0\]"),
        (("- Another.\n", ""), r"\[0.2.0\] has nothing in Fixed"),
        (("### Added\n\n- The first.\n", ""), r"\[0.1.0\] has nothing in it"),
        (("## [Unreleased]\n", ""), "the first heading is not"),
    ],
)
def test_what_is_no_changelog_is_told_where(change: tuple[str, str], said: str) -> None:
    assert change[0] in CHANGES
    with pytest.raises(ValueError, match=said):
        releases.read(CHANGES.replace(*change))


def _known(monkeypatch: pytest.MonkeyPatch) -> list[Release]:
    monkeypatch.setattr(releases, "version", lambda: "0.2.0")
    return releases.read(CHANGES)


def test_the_tag_of_the_newest_version_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    known = _known(monkeypatch)
    assert releases.released("v0.2.0", known) is known[1]


@pytest.mark.parametrize("tag", ["0.2.0", "v0.2.1", "v0.1.0"])
def test_another_tag_is_not_released(tag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=f"the tag is {tag}, and the version 0.2.0"):
        releases.released(tag, _known(monkeypatch))


def test_a_version_without_changes_or_with_later_ones_is_not_released(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = _known(monkeypatch)
    with pytest.raises(ValueError, match=r"has no \[0.2.0\] at its top"):
        releases.released("v0.2.0", [known[0], known[2]])
    known[0].sections["Fixed"] = "- Something else."
    with pytest.raises(ValueError, match=r"move what is in \[Unreleased\] to \[0.2.0\]"):
        releases.released("v0.2.0", known)
