"""The page of a reproduction: every figure, the claims, the numbers, in one file."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from nullcline._files import write_text
from nullcline.paper.figures import plans

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from nullcline.paper.claims import Verdict
    from nullcline.paper.results import NetworkAnalysis


def write_report(
    directory: str | os.PathLike[str],
    networks: Sequence[NetworkAnalysis],
    verdicts: Sequence[Verdict],
    figures: Mapping[str, Sequence[Path]],
    results: Mapping[str, Any],
) -> Path:
    """Write `index.html`, a page that needs no other file.

    Parameters
    ----------
    directory
        The reproduction's folder.
    networks, verdicts
        What was measured, and the claims judged on it.
    figures
        The files of each figure by its name; the PNG is embedded, the SVG linked to.
    results
        What results.json holds: settings, versions, machine, seconds.

    Returns
    -------
    pathlib.Path
        The page.
    """
    folder = Path(directory)
    environment = Environment(
        loader=PackageLoader("nullcline.paper"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["duration"] = _duration
    environment.filters["steps"] = _steps
    page = environment.get_template("index.html").render(
        networks=[_network(network, figures, folder) for network in networks],
        verdicts=verdicts,
        results=results,
    )
    path = folder / "index.html"
    write_text(path, page)
    return path


def _network(
    network: NetworkAnalysis, figures: Mapping[str, Sequence[Path]], folder: Path
) -> dict[str, Any]:
    return {
        "analysis": network,
        "figures": [
            {
                "name": plan.name,
                "caption": plan.caption,
                "png": _data_uri(_with_suffix(figures[plan.name], ".png")),
                "svg": _with_suffix(figures[plan.name], ".svg").relative_to(folder).as_posix(),
            }
            for plan in plans(network.n_layers)
        ],
    }


def _with_suffix(paths: Sequence[Path], suffix: str) -> Path:
    return next(path for path in paths if path.suffix == suffix)


def _data_uri(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _steps(time_constant: float) -> str:
    return f"{time_constant:.3g}" if math.isfinite(time_constant) else "∞"
