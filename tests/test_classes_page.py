"""The page on more than two classes shows what its committed numbers say."""

from __future__ import annotations

import shutil
from pathlib import Path

from docs import classes

DOCS = Path(__file__).parents[1] / "docs"


def test_the_tables_are_those_of_the_numbers(tmp_path: Path) -> None:
    page = (DOCS / "classes.md").read_text("utf-8")
    (tmp_path / "classes.md").write_text(page, "utf-8")
    (tmp_path / "images").mkdir()
    shutil.copytree(DOCS / "classes", tmp_path / "classes")
    classes.main([], tmp_path)
    assert (tmp_path / "classes.md").read_text("utf-8") == page
    assert (tmp_path / "images" / "classes-dimensions.png").is_file()
