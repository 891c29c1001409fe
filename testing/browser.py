"""The browser of the system, driven without a window: what a page shows, logs and asks for."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")

REQUIRED = "NULLCLINE_REQUIRE_BROWSER"
"""Where this is set in the environment, a test without a browser fails and is not skipped."""

PATIENCE = 600_000
"""Milliseconds that a browser may take; Playwright's 30,000 are too few on a busy machine."""


@dataclass
class OpenPage:
    """A page in the browser, and what became of it so far.

    Attributes
    ----------
    page
        Playwright's page; no request of it leaves the machine.
    errors
        Errors on its console, and exceptions that nothing caught.
    requests
        Addresses of all that it asked for, itself included; data within it is not asked for.
    """

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def find_browser() -> str:
    """Return the path of a Chromium; skip the test where there is none, or fail if it must be."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    sentence = f"no browser is installed: none of {', '.join(NAMES)} is on the path"
    if os.environ.get(REQUIRED):
        pytest.fail(f"{sentence}, and {REQUIRED} is set")
    pytest.skip(sentence)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Yield a headless browser: one for a module's tests, since its start is what takes long."""
    executable = find_browser()
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as driver:
        # It refuses to be root within its sandbox, as which containers run tests.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        running = driver.chromium.launch(
            executable_path=executable, args=arguments, timeout=PATIENCE
        )
        try:
            yield running
        finally:
            running.close()


@contextlib.contextmanager
def new_page(
    running: Browser,
    *,
    width: int = 1280,
    height: int = 800,
    colour_scheme: Literal["light", "dark"] = "light",
) -> Iterator[OpenPage]:
    """Yield a new page without a network, whose errors and requests are recorded.

    Pages are opened from files, by ``opened.page.goto(path.as_uri())``.
    """
    context = running.new_context(
        viewport={"width": width, "height": height}, color_scheme=colour_scheme
    )
    try:
        context.set_default_timeout(PATIENCE)
        opened = OpenPage(context.new_page())
        context.set_offline(offline=True)
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.page.on(
            "console",
            lambda message: opened.errors.append(message.text) if message.type == "error" else None,
        )
        opened.page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("data:", "blob:"))
                else opened.requests.append(request.url)
            ),
        )
        yield opened
    finally:
        context.close()


def until(page: Page, condition: str) -> None:
    """Wait until an expression of JavaScript is true, also in pages that evaluate no string.

    Playwright's `wait_for_function` evaluates it within the page, which their policy forbids.
    """
    for _ in range(PATIENCE // 50):
        if page.evaluate(f"Boolean({condition})"):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"it never became true that {condition}")
