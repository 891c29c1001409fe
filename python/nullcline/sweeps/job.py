"""A job: a function with parameters, known by a hash of all that its result depends on."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from nullcline._support.shown import Shown, in_one_line
from nullcline._support.validation import whole_number
from nullcline._support.versions import own_version
from nullcline.sweeps.content import content_sha256

EDITION = 1
"""Of what a job's key is made of."""

FOLDER = "folder"
"""The parameter by which a function gets the job's folder, if it has one of that name."""

_LONGEST_LABEL = 100


@dataclass(frozen=True)
class JobOutput:
    """What a job has made, as the functions of jobs that depend on it get it.

    Attributes
    ----------
    rows
        What its function returned.
    folder
        The folder that its function wrote to.
    """

    rows: tuple[dict[str, Any], ...]
    folder: Path


@dataclass(frozen=True, eq=False)
class Job(Shown):
    """A function with parameters, which a sweep calls once.

    The function is called with parameters and environment by name. It returns a row of results (a
    dictionary of numbers, texts, truth values, None, and lists of these), several rows, or None. If
    it has a parameter `folder`, it gets the path of a folder of the job's own, for whatever else it
    makes; after an interruption, it finds there what the interrupted call had left.

    Parameters
    ----------
    function
        A function at the top level of a module, which every process can import.
    parameters
        What its result depends on: numbers, texts, arrays, paths (which stand for what the files
        hold), records (dataclasses), cells, lists and dictionaries of these. Another `Job` among
        them is a dependency: it is done before, and the function gets its `JobOutput` instead.
    version
        Of the function's code. Whoever changes what it computes raises it.
    environment
        Parameters that its result does not depend on, such as where data lie.
    threads
        Threads of BLAS and of PyTorch while the function runs, by which the last bits of its
        results may differ. None leaves both as they are.
    label
        What it is called in messages; by default the function with its parameters.
    folder
        The job's folder within the sweep's; by default one named after its key.

    Attributes
    ----------
    key : str
        The SHA-256, in hexadecimal digits, of the function's name, of its parameters, `version`,
        `threads` and the version of this package.

    Raises
    ------
    TypeError
        The function does not take these parameters, or one of them has no content to be known by.
    ValueError
        The function cannot be imported by its name, or the folder is not within the sweep's.

    """

    function: Callable[..., Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    version: int | str = 1
    environment: Mapping[str, Any] = field(default_factory=dict)
    threads: int | None = 1
    label: str = ""
    folder: str | None = None

    def __post_init__(self) -> None:
        _require_importable(self.function)
        if self.threads is not None:
            whole_number("threads", self.threads, 1)
        for name in ("parameters", "environment"):
            value = getattr(self, name)
            if not isinstance(value, Mapping):
                raise TypeError(f"{name} must be a dictionary, not {value!r}")
            object.__setattr__(self, name, dict(value))
        if self.folder is not None:
            _require_inside(self.folder)
        if not self.label:
            object.__setattr__(self, "label", self._own_label())
        _require_taken(self)

    def __repr__(self) -> str:
        return in_one_line(f"Job({self.label})")

    @property
    def name(self) -> str:
        """The function's name, `module:function`."""
        return f"{self.function.__module__}:{self.function.__qualname__}"

    @cached_property
    def key(self) -> str:
        """What tells this job from others."""
        made_of = {
            "edition": EDITION,
            "package": own_version(),
            "function": self.name,
            "version": self.version,
            "threads": self.threads,
            "parameters": with_jobs(self.parameters, lambda job: ("job", job.key)),
        }
        try:
            return content_sha256(made_of)
        except TypeError as error:
            raise TypeError(f"parameters of {self.label}: {error}") from error

    @property
    def needs(self) -> tuple[Job, ...]:
        """The jobs that it depends on."""
        found: list[Job] = []
        with_jobs(self.parameters, found.append)
        return tuple(found)

    @property
    def takes_folder(self) -> bool:
        """Whether its function asks for the job's folder."""
        return FOLDER in inspect.signature(self.function).parameters

    @property
    def place(self) -> str:
        """Its folder within the sweep's."""
        return self.folder or f"jobs/{self.key[:2]}/{self.key}"

    def _own_label(self) -> str:
        given = ", ".join(f"{name}={_short(value)}" for name, value in self.parameters.items())
        return in_one_line(f"{self.name}({given})", _LONGEST_LABEL)


def with_jobs(value: Any, replaced: Callable[[Job], Any]) -> Any:
    """Return parameters with something else in place of the jobs among them."""
    if isinstance(value, Job):
        return replaced(value)
    if isinstance(value, list | tuple):
        return [with_jobs(item, replaced) for item in value] if _has_jobs(value) else value
    if isinstance(value, Mapping):
        return {name: with_jobs(item, replaced) for name, item in value.items()}
    return value


def _has_jobs(values: Any) -> bool:
    """Tell whether any are jobs, or are made of such; a tuple without any may be a named one."""
    return any(isinstance(value, Job | list | tuple | Mapping) for value in values)


def _short(value: object) -> str:
    if isinstance(value, Job):
        return value.label
    shape = getattr(value, "shape", None)
    return f"array {shape}" if shape else in_one_line(repr(value), 40)


def _require_importable(function: Any) -> None:
    """Refuse what another process cannot import by its name."""
    if not callable(function):
        raise TypeError(f"function must be a function, not {function!r}")
    module, name = (getattr(function, part, None) for part in ("__module__", "__qualname__"))
    mend = "define it with `def` at the top level of a module that every process can import"
    if module == "__main__":
        raise ValueError(
            f"function must have a module of its own, and {name} is of the script that runs: {mend}"
        )
    if name is None or getattr(sys.modules.get(str(module)), str(name), None) is not function:
        raise ValueError(f"function must be found by its name, which {function!r} is not: {mend}")


def _require_inside(folder: str) -> None:
    parts = PurePosixPath(folder)
    if not parts.parts or parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"folder must be a path within the sweep's folder, not {folder!r}")


def _require_taken(job: Job) -> None:
    """Refuse parameters that the function does not take now, not after hours of other jobs."""
    twice = job.parameters.keys() & job.environment.keys()
    if twice:
        raise TypeError(f"{', '.join(sorted(twice))} must be in parameters or in environment")
    try:
        signature = inspect.signature(job.function)
    except (TypeError, ValueError):
        return  # of a compiled function, which says itself what it takes
    given = {**job.parameters, **job.environment}
    if FOLDER in signature.parameters and FOLDER in given:
        raise TypeError("folder must be left out of parameters: it is the job's own")
    own = {FOLDER: None} if FOLDER in signature.parameters else {}
    try:
        signature.bind(**given, **own)
    except TypeError as error:
        raise TypeError(f"{job.name} takes other parameters: {error}") from error
