"""The study's pages are read as they are: by their links, their words, and in a browser."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nullcline.plotting.theme import style
from nullcline.study.figures import plans
from nullcline.study.reproduce import write_page
from nullcline.study.settings import AnalysisSettings
from nullcline.study.study import _Page, _write_summary
from nullcline.training import TrainingSettings
from testing.browser import browser, new_page
from testing.study_samples import dynamics, layer, network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from nullcline.study.results import NetworkAnalysis

NASTY = '<b>film & "co".csv'
CLASSES = ("<i>bad</i>", "good $x$ & fine")
SETTINGS: dict[str, Any] = {
    "cells": ["gru"], "corpora": ["synthetic"], "layers": [1], "train_sizes": [None],
    "splits": ["test"], "training": {}, "analysis": {"n_starts": 5},
}  # fmt: skip


def networks(**changes: Any) -> list[NetworkAnalysis]:
    explained = dynamics()
    return [
        network(layer(1, dynamics=explained), **changes),
        network(layer(1), layer(2, dynamics=dynamics(words=None)), **changes),
    ]


def write(folder: Path, found: list[NetworkAnalysis]) -> Path:
    return write_page(
        folder, found, TrainingSettings(), AnalysisSettings(), command="nullcline", seconds=1
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("page"), networks(corpus="synthetic"))


@pytest.fixture(scope="module")
def summary(page: Path) -> Path:
    folder = page.parent / "summary"
    record = {"settings": SETTINGS, "command": "nullcline " * 30, "versions": {"a": "1"},
              "machine": {"cores": 2}}  # fmt: skip
    pages = [_Page(folder / "pages" / "index.html", networks(corpus="synthetic", n_train=n),
                   TrainingSettings())
             for n in (100, 700)]  # fmt: skip
    return _write_summary(folder, pages, record)


def unresolved(path: Path) -> set[str]:
    text = path.read_text("utf-8")
    anchors = re.findall(r'\bid="([^"]*)"', text)
    assert len(set(anchors)) == len(anchors)
    links = re.findall(r'href="#([^"]*)"', text)
    assert len(links) > 4
    return set(links) - set(anchors)


def test_the_contents_lead_to_what_is_there(page: Path, summary: Path) -> None:
    assert unresolved(page) == set()
    assert unresolved(summary) == set()


def test_every_section_and_figure_is_in_the_contents(page: Path) -> None:
    text = page.read_text("utf-8")
    contents = text[text.index("<nav") : text.index("</nav>")]
    for name in re.findall(r'<(?:h2|figure) id="([^"]*)"', text):
        assert f'href="#{name}"' in contents


def test_what_settings_leave_open_is_said_in_words(page: Path, summary: Path) -> None:
    for path in (page, summary):
        text = path.read_text("utf-8")
        assert "None" not in html.unescape(re.sub(r"<[^>]+>", " ", text))
    assert "<td>training: patience</td><td>all epochs are run</td>" in page.read_text("utf-8")


def test_a_page_says_which_layers_were_trained_and_what_the_paper_is(page: Path) -> None:
    text = page.read_text("utf-8")
    assert "Networks of 1 and 2 layers were trained" in text
    assert "The paper is the study that nullcline grew from" in text
    assert "trained on a generated language it says nothing" in text


def test_numbers_below_zero_have_a_minus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nullcline.study.reproduce.draw_figures", lambda *_: {})
    monkeypatch.setattr("nullcline.study.report.all_plans", lambda _: ())
    explained = replace(dynamics(), next_change_r2=-0.894)
    text = write(tmp_path, [network(layer(1, dynamics=explained))]).read_text("utf-8")
    assert "/ −0.89</td>" in text
    assert "R² −0.89 of a step" in text


def test_figures_have_captions_that_name_them(page: Path) -> None:
    text = page.read_text("utf-8")
    figures = re.findall(r"<figure .*?</figure>", text, re.DOTALL)
    assert len(figures) == 8 + 6
    for figure in figures:
        title = re.search(r"<figcaption><strong>([^<]+)</strong> \(\d layers?, synthetic\)", figure)
        assert title is not None
        assert f'alt="{title[1]}' in figure


def test_examples_have_their_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nullcline.study.reproduce.draw_figures", lambda *_: {})
    monkeypatch.setattr("nullcline.study.report.all_plans", lambda _: ())
    own = layer(1)
    wrong = replace(own.walks[0], probability=0.02, predicted=0, origin="review 7")
    found = network(layer(1, walks=(wrong, own.walks[1])))
    text = write(tmp_path, [found]).read_text("utf-8")
    assert "review 7</td><td>positive</td>" in text
    assert re.search(r'0\.02 <span class="no">✗ misclassified: negative</span>', text)
    assert re.search(r'0\.10 <span class="yes">✓ right</span>', text)


def test_names_and_texts_of_users_are_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nullcline.study.reproduce.draw_figures", lambda *_: {})
    monkeypatch.setattr("nullcline.study.report.all_plans", lambda _: ())
    walk = replace(layer(1).walks[0], tokens=("<script>alert(1)</script>", "مرحبا", "🙂"))
    found = network(layer(1, walks=(walk,)), corpus=NASTY, classes=CLASSES)
    text = write(tmp_path, [found]).read_text("utf-8")
    for raw in (NASTY, CLASSES[0], "<script>alert"):
        assert raw not in text
        assert html.escape(raw).replace("&quot;", "&#34;") in text
    assert "مرحبا 🙂" in text


def test_classes_in_figures_are_no_mathematics() -> None:
    with style():
        figure = plans(1)[1].draw(network(layer(1), classes=CLASSES))
        figure.draw_without_rendering()
    assert all(not text.get_parse_math() for text in figure.legends[0].get_texts())


def test_what_the_language_is_comes_with_an_example(page: Path, summary: Path) -> None:
    for path in (page, summary):
        text = path.read_text("utf-8")
        assert text.count("is a generated language of") == 1
        assert "adds up to +8 and is positive" in text


# In a browser


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    with browser() as started:
        yield started


WIDE_TABLES = """() => [...document.querySelectorAll('.scroll')].map(table => ({
    wide: table.scrollWidth > table.clientWidth,
    hint: getComputedStyle(table, '::before').content,
}))"""


@pytest.mark.parametrize("width", [375, 1280])
@pytest.mark.parametrize("name", ["page", "summary"])
def test_the_page_itself_never_scrolls_sideways(
    running: Browser, request: pytest.FixtureRequest, name: str, width: int
) -> None:
    path: Path = request.getfixturevalue(name)
    with new_page(running, width=width) as opened:
        opened.page.goto(path.as_uri())
        inner = opened.page.evaluate("document.documentElement.scrollWidth")
        assert inner <= width
        tables = opened.page.evaluate(WIDE_TABLES)
        pictures = opened.page.evaluate(
            "[...document.images].map(one => [one.naturalWidth, one.getBoundingClientRect().width])"
        )
        assert opened.errors == []
        assert len(opened.requests) == 1  # the page needs no other file
    assert pictures
    assert all(natural > 0 and 0 < shown <= width for natural, shown in pictures)
    for table in tables:
        assert ("scroll sideways" in table["hint"]) == table["wide"]
    if width == 375:
        assert sum(table["wide"] for table in tables) >= 3


def test_wide_tables_scroll_by_the_keyboard(running: Browser, page: Path) -> None:
    with new_page(running, width=375) as opened:
        opened.page.goto(page.as_uri())
        table = opened.page.locator(".scroll.wide").first
        table.focus()
        for _ in range(3):
            opened.page.keyboard.press("ArrowRight")
        opened.page.wait_for_function("document.querySelector('.scroll.wide').scrollLeft > 0")


def luminance(colour: str) -> float:
    channels = np.array([int(part) for part in re.findall(r"\d+", colour)[:3]]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_in_the_light_and_in_the_dark(
    running: Browser, page: Path, scheme: Any
) -> None:
    with new_page(running, colour_scheme=scheme) as opened:
        opened.page.goto(page.as_uri())
        back = luminance(opened.page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert (back < 0.1) == (scheme == "dark")
        for part in ("body", "a", ".quiet", ".yes", ".no", "figcaption"):
            colour = opened.page.evaluate(
                f"getComputedStyle(document.querySelector('{part}')).color"
            )
            low, high = sorted([back, luminance(colour)])
            assert (high + 0.05) / (low + 0.05) >= 4.5, part  # WCAG AA
