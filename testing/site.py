"""The documentation as `make docs` builds it, once for all tests that read it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

DOCS = ROOT / "docs"

MODULES = ("explanation", "plotting", "text", "training")
"""Those that the reference shows whole."""


def markdown_pages() -> list[Path]:
    """Return every page as it is written, README.md among them, and none that is generated."""
    written = [page for page in DOCS.rglob("*.md") if "generated" not in page.parts]
    return [ROOT / "README.md", *sorted(written)]


def build(folder: Path) -> Path:
    """Build the site in an empty folder, where its scripts are run, and return where it is.

    Warnings are errors. The sources are a copy, since generated pages are written among them.
    """
    pytest.importorskip("mkdocs_gallery", reason="the tools of the documentation are not installed")
    shutil.copytree(
        DOCS, folder / "docs", ignore=shutil.ignore_patterns("generated", "__pycache__")
    )
    shutil.copy(ROOT / "mkdocs.yml", folder)
    (folder / "python").symlink_to(ROOT / "python")
    (folder / "README.md").symlink_to(ROOT / "README.md")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "agg", "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"
