"""The page of a reproduction: every figure, the claims, the numbers, in one file."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from nullcline._support.files import write_text
from nullcline.study.cell_names import name_of_network
from nullcline.study.figures import all_plans
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS
from nullcline.study.line_attractor_claims import evaluate as evaluate_line_attractor

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from nullcline.study.claims import Finding
    from nullcline.study.results import NetworkAnalysis

PAGE = "index.html"


def write_report(
    directory: str | os.PathLike[str],
    networks: Sequence[NetworkAnalysis],
    findings: Mapping[str, Finding],
    figures: Mapping[str, Sequence[Path]],
    results: Mapping[str, Any],
) -> Path:
    """Write `index.html`, a page that needs no other file.

    Parameters
    ----------
    directory
        The reproduction's folder.
    networks
        What was measured.
    findings
        The finding for each claim of the paper.
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
    page = template("index.html").render(
        cell=name_of_network(networks[0].cell),
        networks=[_network(network, figures, folder) for network in networks],
        findings=findings,
        claims=LINE_ATTRACTOR_CLAIMS,
        results=results,
    )
    path = folder / PAGE
    write_text(path, page)
    return path


def template(name: str) -> Template:
    """Return one of the study's templates, with the filters that they use."""
    environment = Environment(
        loader=PackageLoader("nullcline.study"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["duration"] = _duration
    environment.filters["steps"] = _steps
    environment.filters["number"] = _number
    environment.filters["percent"] = _percent
    environment.filters["png"] = data_uri
    return environment.get_template(name)


def _network(
    network: NetworkAnalysis, figures: Mapping[str, Sequence[Path]], folder: Path
) -> dict[str, Any]:
    return {
        "analysis": network,
        "findings": evaluate_line_attractor(network),
        "figures": [
            {
                "name": plan.name,
                "caption": plan.caption,
                "png": data_uri(_with_suffix(figures[plan.name], ".png")),
                "svg": _with_suffix(figures[plan.name], ".svg").relative_to(folder).as_posix(),
            }
            for plan in all_plans(network)
        ],
    }


def _with_suffix(paths: Sequence[Path], suffix: str) -> Path:
    return next(path for path in paths if path.suffix == suffix)


def data_uri(path: Path) -> str:
    """Return a picture as a page holds it."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"


def _steps(time_constant: float) -> str:
    return f"{time_constant:.3g}" if math.isfinite(time_constant) else "∞"


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}%"
