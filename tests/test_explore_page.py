"""A page to explore in a real browser: what a reader sees, hovers, clicks, types and hides."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc
from testing.browser import OpenPage, browser, new_page, until
from testing.explored import HOSTILE, INPUTS, UNITS, network, points_of, visited

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

CELL = network()
STATES = visited(CELL)
FLAT = STATES.reshape(-1, UNITS)
INPUTS_OF = {"left": 0.3 * np.ones(INPUTS), "right": -0.3 * np.ones(INPUTS)}

PIXEL = """
([role, place]) => {
  // Where on the screen a place of a trace is: plotly's own transformations, in order.
  const trace = plot.data.find((one) => one.meta.role === role[0] && (role[1] === undefined || one.meta.name === role[1]));
  const scene = plot._fullLayout.scene._scene;
  const { model, view, projection } = scene.glplot.cameraParams;
  let at = [trace.x[place], trace.y[place], trace.z[place], 1].map((v, k) => v * (scene.dataScale[k] ?? 1));
  for (const m of [model, view, projection]) {
    at = [0, 1, 2, 3].map((r) => at.reduce((sum, v, c) => sum + m[4 * c + r] * v, 0));
  }
  const box = scene.container.getBoundingClientRect();
  return [box.left + box.width * (1 + at[0] / at[3]) / 2, box.top + box.height * (1 - at[1] / at[3]) / 2];
}
"""  # noqa: E501

BEGINNING = """() => {
  view.hidden.things.clear();
  Plotly.relayout(plot, { "scene.camera": FIRST_CAMERA });
  chooseLayerNumber(0);
  document.activeElement.blur();
}"""


@pytest.fixture(scope="module")
def running() -> Iterator[Browser]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a page with all that there is: two layers, conditions, words, walks, curves."""
    points = points_of(CELL, STATES)
    conditions = nc.find_fixed_points(CELL, FLAT[:40], INPUTS_OF, n_threads=1).unique()
    words = [f"word{i}" for i in range(10)]
    return nc.explore(
        {"first": points, "second": conditions},
        states={"first": FLAT},
        texts={"first": [HOSTILE[i % len(HOSTILE)] for i in range(len(FLAT))]},
        labels={"first": np.where(FLAT[:, 0] > 0, "above", "below")},
        trajectories={"first": STATES[:3]},
        trajectory_words={"first": [words, [*HOSTILE, *HOSTILE[:4]], None]},
        trajectory_names={"first": ["a walk", HOSTILE[0], "a quiet one"]},
        curves={"first": nc.trace(CELL, points.select([0]), n_threads=1)},
        words={"first": ([*HOSTILE, "last"], np.random.default_rng(0).normal(size=(7, INPUTS)))},
        readout={"first": np.ones(UNITS)},
        title=f"{HOSTILE[1]} & co",
        path=tmp_path_factory.mktemp("page") / "whole.html",
    )


@pytest.fixture(scope="module")
def shown(running: Browser, whole: Path) -> Iterator[OpenPage]:
    with new_page(running) as found:
        show(found, whole)
        yield found


@pytest.fixture
def opened(shown: OpenPage, whole: Path) -> Iterator[OpenPage]:
    """Yield the whole page as it is in the beginning; it must ask for nothing, and do no wrong."""
    shown.page.mouse.move(1, 1)
    shown.page.evaluate(BEGINNING)
    settled(shown.page)
    yield shown
    errors = list(shown.errors)
    shown.errors.clear()
    assert errors == []
    assert shown.requests == [whole.as_uri()]
    assert shown.page.title() == f"{HOSTILE[1]} & co"  # no text has run as a script


def show(found: OpenPage, path: Path) -> None:
    """Open a page and wait until its space is drawn."""
    found.page.goto(path.as_uri())
    until(found.page, "plot._fullLayout?.scene?._scene?.dataScale")
    settled(found.page)


def settled(page: Page) -> None:
    """Wait until what was asked for is drawn."""
    page.evaluate(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame("
        "() => requestAnimationFrame(done))))"
    )


def drawn(page: Page, role: str) -> int:
    """Return how many places traces of this role have."""
    code = "(role) => plot.data.filter((t) => t.meta.role === role)"
    return int(page.evaluate(f"{code[:-1]}).reduce((sum, t) => sum + t.x.length, 0)", role))


def pixel(page: Page, role: str, name: str | None = None, place: int = 0) -> tuple[float, float]:
    """Return where on the screen a place of a trace is."""
    x, y = page.evaluate(PIXEL, [[role] if name is None else [role, name], place])
    return float(x), float(y)


def text(page: Page, selector: str) -> str:
    return page.locator(selector).inner_text()


def test_it_loads_without_errors_and_without_a_network(opened: OpenPage) -> None:
    assert drawn(opened.page, "states") == len(FLAT)
    assert drawn(opened.page, "points") == 9
    assert drawn(opened.page, "curve") > 10
    assert text(opened.page, "#counts").startswith("400 states · 9 points")


def test_no_button_sends_what_is_shown_to_a_server(opened: OpenPage) -> None:
    buttons = opened.page.locator("#plot .modebar-btn")
    titles = buttons.evaluate_all("(all) => all.map((button) => button.dataset.title)")
    assert len(titles) == 6
    assert not [title for title in titles if re.search("share|cloud|edit", title, re.IGNORECASE)]
    assert opened.page.evaluate("plot._context.plotlyServerURL") == ""
    assert opened.page.evaluate("plot._context.showSendToCloud") is False


def test_the_page_may_ask_nobody_for_anything(running: Browser, whole: Path) -> None:
    with new_page(running) as found:
        show(found, whole)
        found.page.evaluate("fetch('https://example.com').catch(() => null)")
        assert found.requests == [whole.as_uri()]
        assert "Content Security Policy" in " ".join(found.errors)


def test_hovering_a_point_tells_its_kind_its_speed_and_its_modes(opened: OpenPage) -> None:
    page = opened.page
    page.mouse.move(*pixel(page, "points", "stable fixed point"))
    page.wait_for_selector("#tip:not([hidden])")
    said = text(page, "#tip").splitlines()
    assert said[0] == "Point 1: stable fixed point"
    assert re.fullmatch(r"q = \S+", said[1])
    assert re.fullmatch(r"largest \|λ\| = 0\.\d+", said[2])
    assert re.fullmatch(r"longest τ = [\d.]+ steps", said[3])
    assert re.fullmatch(r"\d+ starts?", said[4])
    page.mouse.move(5, 5)
    page.wait_for_selector("#tip", state="hidden")


def test_hovering_a_state_reads_its_text(opened: OpenPage) -> None:
    page = opened.page
    for name in ("trajectories", "curves"):
        page.locator(f"#controls input[value='{name}']").uncheck()
    settled(page)
    seen = set()
    for place in range(0, 120, 4):
        page.mouse.move(*pixel(page, "states", place=place))
        settled(page)
        if page.locator("#tip").is_visible():
            seen.add(text(page, "#tip"))
    assert any(tip.endswith(HOSTILE[1]) for tip in seen)
    assert {tip.splitlines()[0] for tip in seen} >= {"above"}


def test_a_click_on_a_point_opens_its_spectrum_its_modes_and_its_words(opened: OpenPage) -> None:
    page = opened.page
    page.mouse.move(*pixel(page, "points", "stable fixed point"))
    page.wait_for_selector("#tip:not([hidden])")
    page.mouse.down()
    page.mouse.up()
    page.wait_for_selector("#chosen")
    assert text(page, "#chosen") == "Point 1: stable fixed point"
    assert page.locator("#modes tbody tr").count() >= 3
    page.wait_for_selector("#spectrum .scatterlayer .point")
    assert page.locator("#spectrum .scatterlayer .point").count() == UNITS
    assert page.evaluate("document.getElementById('spectrum').layout.shapes[0].x1") == 1
    assert page.locator("#moving tbody tr").count() == 7
    assert drawn(page, "chosen") == 1


def test_keys_go_from_point_to_point(opened: OpenPage) -> None:
    page = opened.page
    names = []
    for key in ("n", "n", "n", "p"):
        page.keyboard.press(key)
        names.append(text(page, "#chosen"))
    assert [name.split(":")[0] for name in names] == ["Point 0", "Point 1", "Point 2", "Point 1"]
    assert names[0] == "Point 0: saddle"
    assert text(page, "#spoken").startswith("Point 1: stable fixed point, q = ")
    page.keyboard.press("Escape")
    assert page.locator("#chosen").count() == 0
    page.keyboard.press("p")
    assert text(page, "#chosen").startswith("Point 8")


def test_buttons_do_what_keys_do_and_keep_the_focus(opened: OpenPage) -> None:
    page = opened.page
    page.locator("#next").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert text(page, "#chosen").startswith("Point 1")
    assert page.evaluate("document.activeElement.id") == "next"


def test_filters_hide_and_show_kinds(opened: OpenPage) -> None:
    page = opened.page
    box = page.locator("#controls input[value='saddle']")
    box.uncheck()
    settled(page)
    assert drawn(page, "points") == 6
    assert "6 of 9 points" in text(page, "#counts")
    page.keyboard.press("n")
    assert text(page, "#chosen") == "Point 1: stable fixed point"  # the first one is hidden
    box.check()
    settled(page)
    assert drawn(page, "points") == 9


def test_a_point_that_is_hidden_is_chosen_no_more(opened: OpenPage) -> None:
    opened.page.keyboard.press("n")
    opened.page.locator("#controls input[value='saddle']").uncheck()
    assert opened.page.locator("#chosen").count() == 0


@pytest.mark.parametrize(
    ("value", "role"),
    [("states", "states"), ("trajectories", "path"), ("curves", "curve"), ("above", "states")],
)
def test_filters_hide_and_show_what_is_around(opened: OpenPage, value: str, role: str) -> None:
    page = opened.page
    before = drawn(page, role)
    box = page.locator(f"#controls input[value='{value}']")
    box.uncheck()
    settled(page)
    left = int(np.sum(FLAT[:, 0] <= 0)) if value == "above" else 0
    assert drawn(page, role) == left
    box.check()
    settled(page)
    assert drawn(page, role) == before


def test_layers_are_switched_and_conditions_filtered(opened: OpenPage) -> None:
    page = opened.page
    page.locator("#layer").select_option("second")
    settled(page)
    n = drawn(page, "points")
    assert n > 2
    assert drawn(page, "states") == 0
    assert "no states were given" in text(page, "#counts")
    page.locator("#controls input[value='left']").uncheck()
    settled(page)
    left = drawn(page, "points")
    assert 0 < left < n
    page.keyboard.press("n")
    assert "right" in text(page, "#panel dl")
    page.locator("#layer").select_option("first")
    settled(page)
    assert drawn(page, "states") == len(FLAT)
    assert page.locator("#chosen").count() == 0


def test_the_slider_walks_word_by_word(opened: OpenPage) -> None:
    page = opened.page
    page.locator("#step").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    settled(page)
    assert text(page, "#words .now") == "word3"
    assert text(page, "#now").startswith("step 4 of 10, readout ")
    assert page.locator("#step").get_attribute("aria-valuetext").endswith(": word3")  # type: ignore[union-attr]
    assert drawn(page, "walked") == 4
    here = page.evaluate("plot.data.find((t) => t.meta.role === 'here').x[0]")
    assert here == page.evaluate("trajectory().at.x[3]")
    page.keyboard.press("ArrowLeft")
    assert text(page, "#words .now") == "word2"
    page.locator("#words span").nth(7).click()
    assert page.locator("#step").input_value() == "7"


def test_times_of_a_walk_begin_at_its_first_state(running: Browser, tmp_path: Path) -> None:
    points = points_of(CELL, STATES)
    page = nc.explore(points, trajectories=STATES[0], dt=20, unit="ms", path=tmp_path / "page.html")
    with new_page(running) as found:
        show(found, page)
        assert text(found.page, "#now") == "step 1 of 10, t = 0 ms"
        found.page.locator("#step").focus()
        found.page.keyboard.press("ArrowRight")
        settled(found.page)
        assert text(found.page, "#now") == "step 2 of 10, t = 20 ms"
        found.page.keyboard.press("n")
        settled(found.page)
        heads = found.page.locator("#modes th").all_inner_texts()
        assert heads[3:] == ["τ (ms)", "it", "period (ms)"]


def test_walks_are_chosen_and_one_without_words_has_none(opened: OpenPage) -> None:
    page = opened.page
    page.locator("#trajectory").select_option("2")
    assert text(page, "#words") == ""
    assert text(page, "#now").startswith("step 1 of 10")
    page.locator("#trajectory").select_option("1")
    assert page.locator("#words span").count() == 10


def test_a_walk_plays_to_its_end(opened: OpenPage) -> None:
    page = opened.page
    page.locator("#words span").nth(7).click()
    page.locator("#play").click()
    assert text(page, "#play") == "Pause"
    until(page, "view.step === 9")
    until(page, "document.getElementById('play').textContent === 'Play'")


EYE = "JSON.stringify(plot._fullLayout.scene._scene.getCamera().eye)"


def test_the_space_is_turned_by_keys_and_stays_turned(opened: OpenPage) -> None:
    page = opened.page
    for key in ("ArrowLeft", "ArrowUp", "+"):
        before = page.evaluate(EYE)
        page.locator("#plot").press(key)
        until(page, f"{EYE} !== {before!r}")
    turned = json.loads(page.evaluate(EYE))
    page.keyboard.press("n")
    settled(page)
    assert json.loads(page.evaluate(EYE)) == pytest.approx(turned)


def drag(page: Page, x: float, y: float) -> None:
    """Press the mouse, move it as a hand does, over several frames, and let it go."""
    page.mouse.move(x, y)
    settled(page)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(x + 16 * step, y + 4 * step)
        settled(page)
    page.mouse.up()
    for _ in range(3):  # it turns on for a moment
        settled(page)


def test_the_space_is_turned_by_the_mouse_and_stays_turned(opened: OpenPage) -> None:
    page = opened.page
    before = page.evaluate(EYE)
    box = page.locator("#plot").bounding_box()
    assert box is not None
    for _ in range(20):  # a busy machine's space may miss a whole drag: it asks once a frame
        drag(page, box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        if page.evaluate(EYE) != before:
            break
    else:
        pytest.fail("the mouse turned nothing")
    turned = json.loads(page.evaluate(EYE))
    page.keyboard.press("n")
    settled(page)
    assert json.loads(page.evaluate(EYE)) == pytest.approx(turned)


def test_texts_stay_text(opened: OpenPage) -> None:
    page = opened.page
    page.keyboard.press("n")
    page.locator("#trajectory").select_option("1")
    assert page.locator("header h1").inner_text() == f"{HOSTILE[1]} & co"
    assert page.locator("#words span").all_inner_texts()[:4] == list(HOSTILE[:4])
    assert page.locator("img, #words b, #moving b").count() == 0
    shown = page.locator("#moving tbody td:first-child").all_inner_texts()
    assert {HOSTILE[0], HOSTILE[1]} <= set(shown)
    arabic = page.locator("#moving td", has_text=HOSTILE[3])
    assert arabic.evaluate("(cell) => getComputedStyle(cell).direction") == "rtl"


def test_everything_can_be_reached_by_keys(opened: OpenPage) -> None:
    page = opened.page
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.value"))
    assert {"theme", "layer", "saddle", "curves", "plot", "next", "step", "play"} <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_light_or_dark_as_the_system_is_until_it_is_told(
    running: Browser, whole: Path, scheme: Any
) -> None:
    dark = {"light": False, "dark": True}
    with new_page(running, colour_scheme=scheme) as found:
        show(found, whole)

        def is_dark() -> bool:
            settled(found.page)
            body = found.page.evaluate("getComputedStyle(document.body).backgroundColor")
            space = found.page.evaluate("plot.layout.paper_bgcolor")
            low = sum(map(int, re.findall(r"\d+", body))) < 200
            assert low == (space == "#15181c")
            return low

        assert is_dark() == dark[scheme]
        for wanted in ("light", "dark"):
            found.page.locator("#theme").click()
            assert text(found.page, "#theme") == f"Theme: {wanted}"
            assert is_dark() == dark[wanted]
        found.page.locator("#theme").click()
        assert is_dark() == dark[scheme]
        found.page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
        assert is_dark() != dark[scheme]
        assert found.errors == []


def test_a_narrow_screen_scrolls_downwards_alone(running: Browser, whole: Path) -> None:
    with new_page(running, width=400, height=800) as found:
        show(found, whole)
        found.page.keyboard.press("n")
        settled(found.page)
        assert found.page.evaluate("document.documentElement.scrollWidth") <= 400
        assert found.page.locator("#modes").is_visible()


ODD: dict[str, dict[str, Any]] = {
    "no point, no state": {},
    "no point": {"states": FLAT},
    "an empty walk": {"trajectories": [np.full((3, UNITS), np.nan)]},
    "a broken walk": {
        "trajectories": [np.where(np.arange(10)[:, None] == 4, np.nan, STATES[0])],
    },
}


@pytest.mark.parametrize("case", ODD)
def test_little_or_odd_material_is_a_page_too(running: Browser, tmp_path: Path, case: str) -> None:
    none = points_of(CELL, STATES).select([])
    with new_page(running) as found:
        show(found, nc.explore(none, path=tmp_path / "page.html", **ODD[case]))
        found.page.keyboard.press("n")
        if found.page.locator("#step").is_visible():
            found.page.locator("#step").press("End")
            settled(found.page)
        assert "no point was found" in text(found.page, "#counts")
        assert "the search found none" in text(found.page, "#panel")
        assert found.errors == []


def test_fifty_thousand_states_are_drawn_and_do_not_hold_up_a_turn_or_a_step(
    running: Browser, tmp_path: Path
) -> None:
    """Time is not asserted: how often the cloud goes to the graphics card anew is."""
    rng = np.random.default_rng(0)
    many = rng.normal(size=(300_000, UNITS))
    path = nc.explore(
        points_of(CELL, STATES), states=many, trajectories=STATES[:2], path=tmp_path / "page.html"
    )
    with new_page(running) as found:
        show(found, path)
        page = found.page
        assert text(page, "#counts").startswith("50,000 of 300,000 states are shown")
        assert drawn(page, "states") == 50_000
        page.evaluate("""() => {
          window.uploads = 0;
          const cloud = Object.values(plot._fullLayout.scene._scene.traces)
            .find((one) => one.data.meta.role === "states");
          const handOver = cloud.handOver;
          cloud.handOver = function (data) {
            window.uploads += 1;
            return handOver.call(this, data);
          };
        }""")
        frames = page.evaluate("""async () => {
          let frames = 0;
          for (let i = 0; i < 3; i += 1) {
            await turn(0.1, 0, 1);
            await new Promise(requestAnimationFrame);
            frames += 1;
          }
          return frames;
        }""")
        assert frames == 3
        page.locator("#step").focus()
        for _ in range(2):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("n")
        settled(page)
        assert drawn(page, "walked") == 3
        assert page.evaluate("window.uploads") == 0
        page.locator("#theme").click()
        page.locator("#theme").click()
        settled(page)
        assert page.evaluate("window.uploads") > 0  # a new colour is seen
        assert found.errors == []


def test_a_script_beside_the_page_is_all_that_it_asks_for(running: Browser, tmp_path: Path) -> None:
    path = nc.explore(points_of(CELL, STATES), path=tmp_path / "page.html", self_contained=False)
    with new_page(running) as found:
        show(found, path)
        assert drawn(found.page, "points") == 9
        assert found.requests == [path.as_uri(), (tmp_path / "plotly.min.js").as_uri()]
        assert found.errors == []
