"""How flat the optimum of each tuned constant of the solvers is.

``python benchmarks/calibrate.py OUT`` builds the core so that its constants
(`cpp/include/nullcline/solvers/tuning.hpp`) can be changed from outside, searches the trained
networks of the fixtures, or with ``--population`` those of one half of `benchmarks/members.py`,
with each constant halved and doubled, and writes to OUT, for each, the products per start relative
to those of the default values, and likewise the iterations. Both are deterministic: the machine
need not be quiet. With ``--time`` every search alternates with the default's and the ratio of the
processor's times is written as well. The environment's `CMAKE` and `PYBIND11_DIR` say where those
are, if they are not where one looks first.

Half of the networks are there to choose values by (``chosen_by``), the others to report on
(``reported``); of the population, the first half alone is searched.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
TUNING = ROOT / "cpp" / "include" / "nullcline" / "solvers" / "tuning.hpp"
FIXTURES = ROOT / "tests" / "fixtures"

SEARCHES = (
    # method, dtype, starts per network, iterations
    ("auto", "float64", 500, None),
    ("krylov", "float64", 500, None),
    ("auto", "float32", 500, None),
    ("lm", "float64", 50, None),
    ("gradient", "float64", 20, 500),
)

POPULATION_SEARCHES = (
    ("auto", "float64", 40, None),
    ("auto", "float32", 40, None),
    ("lm", "float64", 20, None),
)
"""Fewer: some of its networks are hard."""

WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

SUBSPACE = {"largest_subspace": 32}
"""The order of the subspaces' matrices: the size of an array, which needs builds of its own."""

Results = dict[str, dict[str, dict[str, float]]]
"""By search and network: products and iterations per start, and the share of each kind."""


def constants() -> dict[str, float]:
    """Read the constants and their values from the header."""
    pattern = r'(\w+) = tuned(?:<std::size_t>)?\("\1", ([^)]+)\);'
    found = re.findall(pattern, TUNING.read_text(encoding="utf-8"))
    return {
        name: float.fromhex(text) if text.startswith("0x") else float(text) for name, text in found
    }


def python_output(*arguments: str) -> str:
    """Return what Python prints when it is called so."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def build(scratch: Path, *flags: str) -> Path:
    """Build the CPU's core with some flags of the compiler, and return the module's path."""
    cmake = os.environ.get("CMAKE", "cmake")
    pybind11 = os.environ.get("PYBIND11_DIR") or python_output("-m", "pybind11", "--cmakedir")
    configure = [
        *(cmake, "-S", str(ROOT), "-B", str(scratch), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"),
        *(f"-DPython_EXECUTABLE={sys.executable}", f"-Dpybind11_DIR={pybind11}"),
        *("-DSKBUILD_PROJECT_NAME=nullcline", f"-DCMAKE_CXX_FLAGS={' '.join(flags)}"),
    ]
    subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(
        [cmake, "--build", scratch, "--target", "_core"], check=True, stdout=subprocess.DEVNULL
    )
    return next(scratch.glob("_core*.so"))


def load(core: Path) -> None:
    """Make a core the one that `nullcline` will find."""
    name = "nullcline._native._core"
    spec = importlib.util.spec_from_file_location(name, core)
    if spec is None or spec.loader is None:
        raise ImportError(core)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[name] = module


def fixtures() -> Iterator[tuple[str, Callable[[str], Any], Any]]:
    """Yield the name of each trained layer, what makes its cell of a dtype, and its starts."""
    from safetensors.numpy import load_file

    import nullcline as nc

    for path in sorted(FIXTURES.glob("*.safetensors")):
        arrays = load_file(path)
        for i, cell in enumerate(nc.from_safetensors(path)):

            def make(dtype: str, cell: Any = cell) -> Any:
                return nc.GRU(*(getattr(cell, weight).astype(dtype) for weight in WEIGHTS))

            yield f"{path.stem}, layer {i + 1}", make, arrays[f"starts_l{i}"]


def population() -> Iterator[tuple[str, Callable[[str], Any], Any]]:
    """Yield the same of the members that constants are chosen by."""
    sys.path.insert(0, str(ROOT))
    from benchmarks.members import members

    for member in members():
        if member.half == "chosen_by":
            yield member.name, member.cell, member.starts


def search_all(networks: Any, searches: Any) -> Results:
    """Search every network in every way."""
    import numpy as np

    results: Results = {}
    for name, make, states in networks:
        for method, dtype, n_starts, max_iterations in searches:
            starts = states[:n_starts].astype(dtype)
            compiled = make(dtype).compiled
            begin = time.process_time()
            found = compiled.search(
                starts, method=method, max_iterations=max_iterations, n_threads=1
            )
            results.setdefault(f"{method}, {dtype}", {})[name] = {
                "products": found.n_products / len(starts),
                "iterations": float(np.mean(found.iterations)),
                "fixed": float(np.mean(found.kind == 0)),
                "slow": float(np.mean(found.kind == 1)),
                "seconds": time.process_time() - begin,
            }
    return results


def run(core: Path, options: list[str], change: str = "") -> Results:
    """Search with a core, in a process of its own, with one constant changed."""
    environment = {**os.environ, "NULLCLINE_TUNING": change}
    done = subprocess.run(
        [sys.executable, __file__, "--search", core, *options],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    results: Results = json.loads(done.stdout)
    return results


def compare(
    changed: Results, default: Results, columns: tuple[str, ...], *, halved: bool
) -> dict[str, Any]:
    """Return ratios of geometric means over networks, and how the shares of kinds changed."""
    names = list(next(iter(default.values())))
    halves = {"chosen_by": names[::2], "reported": names[1::2]}
    if not halved:
        halves = {"chosen_by": names}
    return {
        search: {
            half: {
                **{
                    column: round(
                        statistics.geometric_mean(
                            changed[search][name][column] / default[search][name][column]
                            for name in some
                        ),
                        4,
                    )
                    for column in columns
                    if all(default[search][name][column] > 0 for name in some)
                },
                **{
                    kind: round(
                        statistics.mean(
                            changed[search][name][kind] - default[search][name][kind]
                            for name in some
                        ),
                        4,
                    )
                    for kind in ("fixed", "slow")
                },
            }
            for half, some in halves.items()
        }
        for search in default
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="where the results go")
    parser.add_argument(
        "--scratch", type=Path, default=Path(tempfile.gettempdir()) / "nullcline-calibration"
    )
    parser.add_argument("--only", nargs="+", help="these constants alone")
    parser.add_argument("--time", action="store_true", help="measure times too")
    parser.add_argument("--population", action="store_true", help="the population's networks")
    parser.add_argument("--search", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.search:
        load(arguments.out)
        which = (
            (population(), POPULATION_SEARCHES) if arguments.population else (fixtures(), SEARCHES)
        )
        json.dump(search_all(*which), sys.stdout)
        return
    options = ["--population"] if arguments.population else []
    columns = ("products", "iterations") + (("seconds",) if arguments.time else ())
    core = build(arguments.scratch / "tunable", "-DNULLCLINE_TUNABLE")
    default = run(core, options)
    rows: dict[str, Any] = {}
    for name, value in {**constants(), **SUBSPACE}.items():
        if arguments.only and name not in arguments.only:
            continue
        rows[name] = {"value": value}
        for label, factor in (("halved", 0.5), ("doubled", 2.0)):
            if name in SUBSPACE:
                flag = f"-D{'NULLCLINE_' + name.upper()}={int(value * factor)}"
                changed = run(
                    build(arguments.scratch / label, "-DNULLCLINE_TUNABLE", flag), options
                )
            else:
                changed = run(core, options, f"{name}={value * factor!r}")
            if arguments.time:
                default = run(core, options)
            rows[name][label] = compare(changed, default, columns, halved=not arguments.population)
        print(name, json.dumps(rows[name]), flush=True)
    for by_network in default.values():
        for row in by_network.values():
            row.pop("seconds")
    results = {"default": default, "changed": rows}
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
