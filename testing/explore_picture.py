"""The picture of a page to explore, as docs/explore.md shows it.

Run as::

    nullcline train --corpus sst
    nullcline explore checkpoint
    python -m testing.explore_picture explore.html docs/images/explore.png
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from nullcline._support.files import replacing
from testing.browser import browser, new_page, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

STEPS = 14
"""How far along the first trajectory the picture is taken."""

COLOURS = 256


def main(page: Path, picture: Path) -> None:
    """Take the picture of a page: a point chosen, a walk on its way."""
    with browser() as running, new_page(running) as opened:
        opened.page.goto(page.resolve().as_uri())
        until(opened.page, "plot._fullLayout?.scene?._scene")
        opened.page.keyboard.press("n")
        opened.page.locator("#step").focus()
        for _ in range(STEPS):
            opened.page.keyboard.press("ArrowRight")
        opened.page.wait_for_selector("#spectrum .scatterlayer .point")
        drawn = Image.open(io.BytesIO(_settled(opened.page)))
        with replacing(picture) as path:
            drawn.convert("RGB").quantize(COLOURS).save(path, optimize=True)


def _settled(page: Page) -> bytes:
    """Return a picture of the page that the next one equals."""
    before, now = b"", page.screenshot()
    while now != before:
        page.wait_for_timeout(300)
        before, now = now, page.screenshot()
    return now


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
