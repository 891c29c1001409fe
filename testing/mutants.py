"""Put faults into the core's code, one at a time, and see that claims of C++ fail.

`make mutants` puts all those of `cuda_faults.py` and `proof_faults.py`, `python -m testing.mutants
NAME ...` those of a name or of a suite, "cuda" or "proofs". Each goes into a copy of the sources,
which is compiled and tested: some minutes a fault.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from testing import cuda_faults, proof_faults

if TYPE_CHECKING:
    from testing.fault import Fault

ROOT = Path(__file__).parents[1]
CMAKE = shutil.which("cmake") or "cmake"
CTEST = shutil.which("ctest") or "ctest"


class Suite(NamedTuple):
    """Claims that are compiled as one target, and what is to refute them, one at a time."""

    name: str
    target: str
    faults: tuple[Fault, ...]

    def claims(self, build: Path) -> list[str]:
        """Return the command that proves all claims."""
        tests = build / "cpp" / "tests"
        if self.name == "proofs":
            return [str(tests / self.target)]
        folder = str(tests / "cuda_on_cpu")
        return [CTEST, "--test-dir", folder, "--stop-on-failure", "--no-tests=error"]


SUITES = (
    Suite("proofs", "nullcline_tests", proof_faults.FAULTS),
    Suite("cuda", "nullcline_cuda_tests", cuda_faults.FAULTS),
)


def put(fault: Fault, tree: Path) -> None:
    path = tree / fault.file
    text = path.read_text("utf-8")
    at = text.index(fault.sound, text.index(fault.after))
    path.write_text(text[:at] + fault.faulty + text[at + len(fault.sound) :], "utf-8")


def holds(suite: Suite, build: Path) -> bool:
    """Compile the sources, which must be possible, and tell whether all claims hold."""
    subprocess.run([CMAKE, "--build", build, "--target", suite.target], check=True)
    at_once = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1"}
    return subprocess.run(suite.claims(build), check=False, env=at_once).returncode == 0


def is_noticed(fault: Fault, suite: Suite, tree: Path, build: Path) -> bool:
    before = (tree / fault.file).read_text("utf-8")
    put(fault, tree)
    noticed = not holds(suite, build)
    (tree / fault.file).write_text(before, "utf-8")
    return noticed


def main() -> int:
    asked = set(sys.argv[1:])
    missed, n_faults = [], 0
    with tempfile.TemporaryDirectory() as folder:
        tree, build = Path(folder, "tree"), Path(folder, "build")
        for name in ("cpp", "cmake"):
            shutil.copytree(ROOT / name, tree / name)
        shutil.copy(ROOT / "CMakeLists.txt", tree)
        options = ["-DNULLCLINE_PYTHON=OFF", "-DNULLCLINE_TESTS=ON"]
        subprocess.run([CMAKE, "-S", tree, "-B", build, "-G", "Ninja", *options], check=True)
        for suite in SUITES:
            faults = [one for one in suite.faults if not asked or asked & {one.name, suite.name}]
            if faults and not holds(suite, build):
                sys.stdout.write(f"claims of {suite.name} fail without a fault\n")
                return 1
            for fault in faults:
                noticed = is_noticed(fault, suite, tree, build)
                sys.stdout.write(f"{'noticed' if noticed else 'NOT NOTICED'}: {fault.name}\n")
                missed += [] if noticed else [fault.name]
            n_faults += len(faults)
    sys.stdout.write(f"{n_faults - len(missed)} of {n_faults} faults were noticed\n")
    return len(missed)


if __name__ == "__main__":
    sys.exit(main())
