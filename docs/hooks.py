"""What mkdocs does beside its plugins, so that the site is whole without a server or a network."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mkdocs.utils import get_relative_url

if TYPE_CHECKING:
    from mkdocs.structure.pages import Page

GALLERIES = "generated/"
"""Where mkdocs-gallery writes its pages, below docs/."""

SHIM = "assets/iframe-worker/shim.js"
"""What searches where no server is; Material for MkDocs would fetch it when a page is read."""

_SOURCES = re.compile(r"(?<=\]\()((?:\.\./)*)(tutorials|gallery)/README\.md(?=\))")
_SHIM_ELSEWHERE = "https://unpkg.com/iframe-worker/shim"
_LINK = re.compile(r'(?<=<a class="reference internal" href=")([^"#]+?)/?(?=")')
_OTHER_SIZES = re.compile(r' srcset="[^"]*"')
_LITERAL = re.compile(r"<p>::</p>\n?|(?<=:):(?=</p>\s*<div class=\"highlight\">)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Lead to the page that is made of scripts; on GitHub the same link leads to the scripts."""
    return _SOURCES.sub(rf"\1{GALLERIES}\2/index.md", markdown)


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Mend what a generator of pages wrote for others: mkdocs-gallery, or docstrings for Sphinx.

    Addresses in galleries hold only where a server answers for a folder with the page in it, where
    the plugin `offline` names each page by its file. Docstrings announce what is to be kept as it
    is by two colons, which Markdown shows.
    """
    if page.file.src_uri.startswith(GALLERIES):
        return _OTHER_SIZES.sub("", _LINK.sub(r"\1.html", html))
    return _LITERAL.sub("", html)


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Take the search's shim from the site itself."""
    return output.replace(_SHIM_ELSEWHERE, get_relative_url(SHIM, page.url))
