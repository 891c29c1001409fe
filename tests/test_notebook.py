"""The notebook of first steps runs as it stands, on little, and comes without results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "docs" / "notebooks" / "first_steps.ipynb"

CELLS = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
CODE = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]
INSTALLS, *STEPS = CODE

SCRIPT = """
import sys

namespace = {}
for step in sys.stdin.read().split(chr(0)):
    exec(step, namespace)
found = namespace["points"]
print(len(found), found.completeness().index_sum, namespace["modes"].is_stable.sum())
print([event.kind.name for event in namespace["branch"].bifurcations])
print(sorted({"torch", "pandas", "plotly", "IPython"} & set(sys.modules)))
"""


def test_every_step_runs_and_needs_nothing_but_matplotlib() -> None:
    pytest.importorskip("matplotlib")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        input="\0".join(STEPS),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MPLBACKEND": "agg"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == ["9 [1] 4", "['FOLD', 'FOLD']", "[]"]


def test_it_installs_by_pip_where_nullcline_is_missing() -> None:
    assert '%pip install --quiet "nullcline[plot]"' in INSTALLS
    assert not any("%" in line for step in STEPS for line in step.splitlines() if line[:1] == "%")


def test_it_holds_no_results() -> None:
    assert all(
        cell["outputs"] == [] and cell["execution_count"] is None
        for cell in CELLS
        if cell["cell_type"] == "code"
    )


def test_binder_installs_what_the_notebook_needs() -> None:
    wanted = (ROOT / ".binder" / "requirements.txt").read_text("utf-8").split()
    assert wanted == ["nullcline[plot]"]
