"""The page of explanations, opened in a browser without a network."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import pytest

from nullcline.explanation import background_of, explain, write_page
from nullcline.training import train
from testing.browser import browser, new_page
from testing.tiny_study import SETTINGS, tiny_corpus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

    from nullcline.explanation import Explanation
    from testing.browser import OpenPage

CORPUS = tiny_corpus()
HOSTILE = '<img src=x onerror="alert(1)"> </span><script>alert(2)</script> " onfocus="alert(3) good'
TEXTS = ["The film was Great and it was bad, the story DULL.", "סרט great מאוד 😀", HOSTILE, ""]


@pytest.fixture(scope="module")
def explanations(tmp_path_factory: pytest.TempPathFactory) -> list[Explanation]:
    folder = tmp_path_factory.mktemp("run")
    quick = dataclasses.replace(SETTINGS, learning_rate=0.02)
    checkpoint = train(CORPUS, quick, folder, device="cpu", progress=False)
    background = background_of(checkpoint, CORPUS, n_starts=20)
    return explain(checkpoint, TEXTS, labels=[0, None, None, 1], background=background)


@pytest.fixture(scope="module")
def path(explanations: list[Explanation], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(explanations, tmp_path_factory.mktemp("page") / "why.html")


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def opened(running: Browser, path: Path) -> Iterator[OpenPage]:
    with new_page(running) as page:
        page.page.on("dialog", lambda dialog: page.errors.append(f"dialog: {dialog.message}"))
        page.page.goto(path.as_uri())
        yield page


def test_the_page_needs_no_other_file_and_logs_no_error(opened: OpenPage, path: Path) -> None:
    opened.page.wait_for_load_state("networkidle")
    assert opened.errors == []
    assert opened.requests == [path.as_uri()]


def test_every_word_is_there_as_it_was_written(
    opened: OpenPage, explanations: list[Explanation]
) -> None:
    for number, explanation in enumerate(explanations, 1):
        words = opened.page.locator(f"#text-{number} [role=option]")
        assert words.count() == len(explanation)
    assert "Great" in opened.page.locator("#text-1 [role=option]").all_inner_texts()


def test_texts_are_told_apart_in_their_list(opened: OpenPage) -> None:
    listed = opened.page.locator("nav li").all_inner_texts()
    assert len(listed) == len(TEXTS)
    assert listed[0].endswith(": The film was Great and it was bad, the story DULL.")
    assert "סרט great מאוד 😀" in listed[1]
    assert '<img src=x onerror="alert(1)">' in listed[2]
    assert listed[2].endswith("…")
    assert ":" not in listed[3]  # an empty one has a verdict alone


def test_what_a_text_holds_is_shown_and_does_nothing(opened: OpenPage) -> None:
    article = opened.page.locator("#text-3")
    shown = article.locator(".text").first.inner_text()
    assert "<script>alert(2)</script>" in shown
    assert '<img src=x onerror="alert(1)">' in shown
    for word in article.locator("[role=option]").all():
        word.focus()
    assert opened.page.locator("img").count() == 0
    assert opened.page.locator("script").count() == 1
    assert opened.page.locator("[onfocus], [onerror]").count() == 0
    assert opened.errors == []


def test_a_word_tells_its_number_when_pointed_to(
    opened: OpenPage, explanations: list[Explanation]
) -> None:
    word = opened.page.locator("#text-1 [role=option]", has_text="Great")
    number = explanations[0].shares[explanations[0].tokens.index("great")]
    written = f"{number:+.2f}".replace("-", "−")
    word.hover()
    shown = word.evaluate("word => getComputedStyle(word, '::after').content")
    assert shown == f'"{written}"'
    said = opened.page.locator("#text-1 output").inner_text()
    assert said.startswith(f"great: share {written} (")
    assert "bag of words" in said


def test_words_are_reached_by_the_keyboard(
    opened: OpenPage, explanations: list[Explanation]
) -> None:
    keyboard = opened.page.keyboard
    last = len(explanations[0]) - 1
    opened.page.locator("#text-1 [role=option]").first.focus()

    def focused() -> int:
        found = opened.page.evaluate("Number(document.activeElement.dataset.i)")
        return int(found) - 1

    for key, place in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", last)):
        keyboard.press(key)
        assert focused() == place
        said = opened.page.locator("#text-1 output").inner_text()
        assert said.startswith(f"{explanations[0].tokens[place]}: share")
    keyboard.press("Tab")  # the words are one stop
    assert opened.page.evaluate("document.activeElement.closest('#text-1')") is None
    assert opened.page.locator("#text-1 [role=option][tabindex='0']").count() == 1


def test_the_word_that_is_chosen_is_marked_on_the_path(opened: OpenPage) -> None:
    article = opened.page.locator("#text-1")
    article.locator("[role=option]").nth(3).focus()
    for svg in article.locator("svg").all():
        ring, step = svg.locator(".here"), svg.locator("[data-step='4']")
        assert ring.is_visible()
        for name in ("cx", "cy"):
            assert ring.get_attribute(name) == step.get_attribute(name)


def test_the_word_where_it_turned_is_marked(
    opened: OpenPage, explanations: list[Explanation]
) -> None:
    for number, explanation in enumerate(explanations, 1):
        turned = opened.page.locator(f"#text-{number} [role=option].turns")
        if explanation.turn is None:
            assert turned.count() == 0
        else:
            assert turned.get_attribute("data-i") == str(explanation.turn.word + 1)
    assert any(explanation.turn is not None for explanation in explanations)


def test_signs_are_not_told_by_colour_alone(
    opened: OpenPage, explanations: list[Explanation]
) -> None:
    words = opened.page.locator("#text-1 [role=option]").all()
    for word, share in zip(words, explanations[0].shares, strict=True):
        drawn = word.evaluate("word => getComputedStyle(word).borderBottomStyle")
        assert drawn == ("solid" if share > 0 else "dashed")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_is_cut_off_on_any_screen(
    running: Browser, path: Path, scheme: str, width: int
) -> None:
    with new_page(running, width=width, colour_scheme=scheme) as opened:  # type: ignore[arg-type]
        opened.page.goto(path.as_uri())
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        ink, paper = opened.page.evaluate(
            "(s => [s.color, s.backgroundColor])(getComputedStyle(document.body))"
        )
        light, dark = (sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (paper, ink))
        assert (light > dark) == (scheme == "light")
        assert opened.errors == []


def test_the_changes_and_the_bag_of_words_stand_beside(
    opened: OpenPage, explanations: list[Explanation]
) -> None:
    rows = opened.page.locator("#text-1 tbody tr").all_inner_texts()
    assert len(rows) == len(explanations[0].telling_changes(12)) + 1
    flips = opened.page.locator("#text-1 tbody tr.flips").count()
    assert flips == sum(change.flips for change in explanations[0].telling_changes(12))
    assert "bag of words" in opened.page.locator("#text-1").inner_text()


def test_only_a_page_of_its_own_kind_is_replaced(
    explanations: list[Explanation], tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    write_page(explanations[:1], page)
    assert write_page(explanations[:2], page).read_text("utf-8").count("<article") == 2
    page.write_text("<html>mine</html>")
    with pytest.raises(FileExistsError, match="choose another"):
        explanations[0].save(page)
    assert page.read_text() == "<html>mine</html>"
    with pytest.raises(ValueError, match="one or more"):
        write_page([], page)
