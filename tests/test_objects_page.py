"""The page on holding results runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "objects.md"


def test_the_code_of_the_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("xarray")
    blocks = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 6
    checks = """
assert len(every) == 200 and len(both) == 200
assert again.cell.dt == 10 and np.array_equal(again.cell.step(states), cell.step(states))
assert len(first) == 1 and dataset.sizes["point"] == 200
"""
    script = tmp_path / "page.py"
    script.write_text("\n".join([*blocks, checks]), "utf-8")
    subprocess.run([sys.executable, script], check=True, cwd=tmp_path)
