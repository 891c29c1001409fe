"""The documentation's pages as they are written: names, code and formulas."""

from __future__ import annotations

import doctest
import importlib
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

import nullcline as nc
from testing.site import DOCS, MODULES, markdown_pages

if TYPE_CHECKING:
    from pathlib import Path

FENCED = re.compile(r"^( *)(```+).*?^\1\2", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`]+`")
FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$]+)\$", re.DOTALL)
HOW_TO = sorted(page.name for page in (DOCS / "howto").glob("*.md") if page.name != "index.md")


def test_the_reference_has_every_public_name_once() -> None:
    page = (DOCS / "reference.md").read_text("utf-8")
    listed = re.findall(r"^::: nullcline\.(\w+)$", page, re.MULTILINE)
    names = Counter(name for name in listed if name not in MODULES)
    assert {name: count for name, count in names.items() if count > 1} == {}
    assert set(names) == set(nc.__all__) - {"__version__"}


def test_the_reference_has_what_is_public_beside_the_front_door() -> None:
    page = (DOCS / "reference.md").read_text("utf-8")
    for module in ("compat.fpf", "cuda", *MODULES):
        assert f"\n::: nullcline.{module}\n" in page


@pytest.mark.parametrize("name", HOW_TO)
def test_the_code_of_a_how_to_runs_as_it_stands(name: str) -> None:
    """Block after block in one namespace, as a reader pastes it."""
    page = (DOCS / "howto" / name).read_text("utf-8")
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", page, re.MULTILINE | re.DOTALL)
    assert blocks
    namespace: dict[str, object] = {}
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    for indent, block in blocks:
        code = re.sub(f"^{indent}", "", block, flags=re.MULTILINE)
        exec(compile(code, f"docs/howto/{name}", "exec"), namespace)  # noqa: S102 - it is ours


@pytest.mark.parametrize(
    "name", ["study.network_training", "text.escapes", "text.places", "text.tokens"]
)
def test_an_example_in_a_docstring_gives_what_it_says(name: str) -> None:
    """Those that need no network; others are sketches."""
    found = doctest.testmod(importlib.import_module(f"nullcline.{name}"))
    assert found.attempted > 0
    assert found.failed == 0


@pytest.mark.parametrize("page", markdown_pages(), ids=lambda page: page.name)
def test_formulas_reach_github_as_they_are_written(page: Path) -> None:
    r"""CommonMark, which GitHub applies to a page, leaves each formula as it stands.

    It would take a backslash from before a mark of punctuation, such as in `\,`, make emphasis of
    underscores and asterisks, and cut a table's cell at a bar.
    """
    markdown_it = pytest.importorskip("markdown_it")
    source = page.read_text("utf-8")
    assert not re.search(r"\\[()\[\]]", CODE.sub("", FENCED.sub("", source))), "GitHub knows $...$"
    inline = [
        "".join(
            "\n" if child.type in {"softbreak", "hardbreak"} else child.content
            for child in token.children
            if child.type != "code_inline"
        )
        for token in markdown_it.MarkdownIt("commonmark").enable("table").parse(source)
        if token.type == "inline"
    ]
    shown = "\n\n".join(_words(text) for text in inline)
    for found in FORMULA.finditer(CODE.sub("", FENCED.sub("", source))):
        assert _words(found.group()) in shown
        if found.group(2):
            assert "\n" not in found.group(), "one line, which all renderers take"
            assert found.group(2) == found.group(2).strip()


def _words(text: str) -> str:
    return " ".join(text.split())


def test_a_formula_that_github_would_change_is_noticed(tmp_path: Path) -> None:
    for formula in (r"$a \, b$", "$(a)_i + W_{ij}$", r"$\{a\}$"):
        page = tmp_path / "page.md"
        page.write_text(f"Let {formula} be.\n", "utf-8")
        with pytest.raises(AssertionError):
            test_formulas_reach_github_as_they_are_written(page)


@pytest.mark.parametrize("page", markdown_pages(), ids=lambda page: page.name)
def test_links_of_a_page_lead_to_files(page: Path) -> None:
    """As GitHub's readers follow them; the site's own links are tested there."""
    text = CODE.sub("", FENCED.sub("", page.read_text("utf-8")))
    folder = page.parent
    if page.name == "README.md" and folder.parent == DOCS:  # read where it is generated
        folder = DOCS / "generated" / folder.name
    targets = {target for target in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in target}
    assert {target for target in targets if not (folder / target).resolve().exists()} == set()


def test_the_milliseconds_on_the_home_page_are_those_that_were_measured() -> None:
    home = (DOCS / "index.md").read_text("utf-8")
    speed = (DOCS / "speed.md").read_text("utf-8")
    said = re.search(
        r"takes ([\d.]+) to ([\d.]+) ms, where FixedPointFinder takes about (\d+)", home
    )
    assert said
    least, most, theirs = map(float, said.groups())
    ours = re.findall(r"\*\*nullcline, `auto`\*\* \| 500 \| ([\d.]+)", speed)
    others = re.findall(r"\| FixedPointFinder \| 500 \| ([\d.]+)", speed)
    np.testing.assert_allclose(sorted(map(float, ours)), [least, most], atol=0.05)
    np.testing.assert_allclose(list(map(float, others)), theirs, rtol=0.1)
