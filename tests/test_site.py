"""The documentation's site, read in a browser as it is built: from files, without a network."""

from __future__ import annotations

from html.parser import HTMLParser
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

from testing.browser import browser, new_page
from testing.site import DOCS, MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

NARROW = 375
"""A telephone's width in pixels."""

# What a reader sees of a page but for code, whose dollars are those of shells.
WORDS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const words = [];
  while (walker.nextNode())
    if (!walker.currentNode.parentElement.closest("code, pre, script, style, .katex"))
      words.push(walker.currentNode.data);
  return words.join("\\n");
}"""

FORMULAS = """() => [...document.querySelectorAll(".arithmatex")].map(
  (formula) => [formula.textContent, formula.querySelector(".katex-html")?.offsetWidth ?? 0])"""

BROKEN_PICTURES = """() => [...document.images]
  .filter((image) => image.loading !== "lazy" && !image.naturalWidth).map((image) => image.src)"""


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    with browser() as started:
        yield started


def pages_of(site: Path) -> list[Path]:
    return sorted(page for page in site.rglob("*.html") if page.name != "404.html")


def test_every_page_renders_whole_on_a_telephone_and_asks_nothing_of_a_network(
    site: Path, running: Browser
) -> None:
    """No error, no foreign request, formulas rendered, pictures there, nothing beyond the edge."""
    formulas = 0
    with new_page(running, width=NARROW, height=700) as opened:
        for path in pages_of(site):
            opened.page.goto(path.as_uri())
            found = opened.page.evaluate(FORMULAS)
            words = opened.page.evaluate(WORDS)
            name = str(path.relative_to(site))
            assert [source for source, width in found if not width] == [], name
            assert not any(mark in words for mark in ("$", "\\(", "\\[")), name
            assert opened.page.evaluate(BROKEN_PICTURES) == [], name
            assert opened.page.evaluate("document.documentElement.scrollWidth") <= NARROW, name
            assert opened.errors == [], name
            formulas += len(found)
        assert [url for url in opened.requests if not url.startswith("file:")] == []
    assert formulas > 200


def test_a_table_that_is_too_wide_scrolls_by_itself_and_shows_it(
    site: Path, running: Browser
) -> None:
    with new_page(running, width=NARROW, height=700) as opened:
        opened.page.goto((site / "study.html").as_uri())
        wraps = opened.page.locator(".md-typeset__scrollwrap")
        table = wraps.filter(has_text="bag of words").first
        assert table.evaluate("(it) => it.scrollWidth > 2 * it.clientWidth")
        assert table.evaluate("(it) => getComputedStyle(it).overflowX") == "auto"
        assert "gradient" in table.evaluate("(it) => getComputedStyle(it).backgroundImage")
        inner = table.locator("table").first
        assert inner.evaluate("(it) => getComputedStyle(it).backgroundColor") == "rgba(0, 0, 0, 0)"


def test_the_search_works_from_files(site: Path, running: Browser) -> None:
    with new_page(running) as opened:
        opened.page.goto((site / "index.html").as_uri())
        opened.page.locator("input.md-search__input").fill("pitchfork")
        opened.page.locator(".md-search-result__link").first.wait_for()
        found = opened.page.locator(".md-search-result__link").evaluate_all(
            "(links) => links.map((link) => link.pathname.split('/').pop())"
        )
        assert "line_attractor.html" in found
        assert opened.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_scripts_print_is_readable_in_the_light_and_in_the_dark(
    site: Path, running: Browser, scheme: Any
) -> None:
    with new_page(running, colour_scheme=scheme) as opened:
        opened.page.goto((site / "generated" / "tutorials" / "01_flip_flop.html").as_uri())
        printed = opened.page.locator(".mkd-glr-script-out-disp code")
        written = opened.page.locator("article .highlight:not(.mkd-glr-script-out-disp) code")
        of = "(it) => getComputedStyle(it).color"
        assert printed.first.evaluate(of) == written.first.evaluate(of)
        back = "(it) => getComputedStyle(it).backgroundColor"
        assert printed.first.evaluate(back) == "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize("module", MODULES)
def test_the_reference_has_an_entry_for_each_name_of_a_module(site: Path, module: str) -> None:
    """Also of those whose names are loaded when they are first asked for."""
    page = (site / "reference.html").read_text(encoding="utf-8")
    names = import_module(f"nullcline.{module}").__all__
    assert [name for name in names if f'id="nullcline.{module}.{name}"' not in page] == []


class _Links(HTMLParser):
    """What a page refers to, and the places in it that may be referred to."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        for name, value in attrs:
            if name in {"href", "src"} and value:
                self.targets.append(value)
            if name in {"id", "name"} and value:
                self.places.add(value)


def test_every_link_leads_to_a_file_and_a_place_in_it(site: Path) -> None:
    read = {}
    for path in pages_of(site):
        read[path] = _Links()
        read[path].feed(path.read_text(encoding="utf-8"))
    dead = []
    for path, links in read.items():
        for target in links.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            place = unquote(parts.fragment)
            places = read[file].places if file in read else {place}
            if not file.is_file() or (place and place not in places):
                dead.append((path.name, target))
    assert dead == []


def test_each_script_of_a_gallery_has_a_page_a_picture_and_downloads(site: Path) -> None:
    for gallery in ("tutorials", "gallery"):
        folder = site / "generated" / gallery
        scripts = sorted(script.stem for script in (DOCS / gallery).glob("*.py"))
        assert scripts
        for name in scripts:
            assert (folder / f"{name}.html").is_file()
            assert (folder / f"{name}.py").is_file()
            assert (folder / f"{name}.ipynb").is_file()
            assert (folder / "images" / "thumb" / f"mkd_glr_{name}_thumb.png").is_file()
            assert (folder / "images" / f"mkd_glr_{name}_001.png").is_file(), "it draws nothing"
