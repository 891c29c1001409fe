"""Files that list the jobs of a sweep, in TOML or JSON."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.reading import read_json, reading

if TYPE_CHECKING:
    import os

    from nullcline.sweeps import Job

_WHAT = "a file of jobs"


def read_jobs(
    path: Path,
    *,
    data_dir: str | os.PathLike[str] | None,
    device: str | None,
    threads: int,
    progress: bool,
) -> list[Job]:
    """Return the jobs that a file lists.

    Parameters
    ----------
    path
        The file. It holds a list `jobs` of tables. One with a `function`, "module:function", is
        a job of that function with the other entries as parameters; `version` is that of its code.
        Any other is a network of the study, and its entries are settings (`corpus`, and fields of
        `TrainingSettings` and `AnalysisSettings`; `splits` is a list). An entry that is a list
        stands for all of its values, and a text such as "0:20" for `seed` for these numbers.
    data_dir, device, threads, progress
        As in `nullcline.study.networks.network_jobs`.

    Raises
    ------
    ValueError
        The file is damaged, or holds something else.
    """
    listed = _read(path)
    tables = listed.get("jobs") if isinstance(listed, dict) else None
    if not isinstance(tables, list) or not tables or not all(isinstance(t, dict) for t in tables):
        raise ValueError(f"{path} must hold a list of tables, jobs ([[jobs]] in TOML)")
    jobs: list[Job] = []
    loaded: dict[tuple[str, int | None, int], tuple[str, str]] = {}
    for table in tables:
        if "function" in table:
            jobs += _own(path, dict(table), threads)
        else:
            from nullcline.study.networks import network_jobs

            own = dict(table)
            splits = own.pop("splits", ["test"])
            jobs += network_jobs(
                {name: _values(name, value) for name, value in own.items()},
                splits=splits,
                data_dir=data_dir,
                device=device,
                threads=threads,
                progress=progress,
                loaded=loaded,
            )
    return jobs


def _own(path: Path, table: dict[str, Any], threads: int) -> list[Job]:
    """Return the jobs of a function of the user's."""
    from nullcline.sweeps import job_grid

    function = _function(path, table.pop("function"))
    version = table.pop("version", 1)
    axes = {name: _values(name, value) for name, value in table.items()}
    return job_grid(function, axes, version=version, threads=threads)


def _function(path: Path, name: object) -> Any:
    """Return the function of that name; its module may lie beside the file, or where one is."""
    module, _, function = str(name).partition(":")
    for place in (str(path.absolute().parent), str(Path.cwd())):
        if place not in sys.path:
            sys.path.append(place)  # workers get it, too
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"function must be 'module:function' of a module that can be imported, not {name!r}: "
            f"{error}"
        ) from error


def _values(name: str, value: Any) -> list[Any]:
    """Return the values that an entry stands for."""
    if name == "seed" and isinstance(value, str) and ":" in value:
        first, _, end = value.partition(":")
        return list(range(int(first), int(end)))
    return value if isinstance(value, list) else [value]


def _read(path: Path) -> Any:
    if path.suffix.lower() == ".json":
        return read_json(path, _WHAT)
    if path.suffix.lower() != ".toml":
        raise ValueError(f"jobs must be a file that ends in .toml or .json, not {path.name!r}")
    if sys.version_info < (3, 11):
        raise ValueError(f"{path}: TOML is read by Python 3.11 and newer; write JSON instead")
    import tomllib

    with reading(path, _WHAT) as file:
        return tomllib.load(file)
