"""Threads that wait leave their cores to others, in commands as in processes of tests."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

_COMMAND = """
import os, sys
from nullcline.cli import main

assert "torch" not in sys.modules  # which heeds the environment when it is imported
try:
    main(["--version"])
except SystemExit:
    print(os.environ["OMP_WAIT_POLICY"])
"""


@pytest.mark.parametrize(
    ("chosen", "heeded"), [({}, "PASSIVE"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")]
)
def test_threads_of_a_command_sleep_while_they_wait_unless_told_otherwise(
    chosen: dict[str, str], heeded: str
) -> None:
    own = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND],
        env={**own, **chosen},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == heeded
