"""The page of a reproduction: every figure, the claims, the numbers, in one file."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nullcline._support.files import write_text
from nullcline.study.cell_names import name_of_network
from nullcline.study.class_claims import CLASS_CLAIMS
from nullcline.study.class_claims import evaluate as evaluate_classes
from nullcline.study.context_claims import CONTEXT_CLAIMS
from nullcline.study.context_claims import evaluate as evaluate_context
from nullcline.study.descriptions import describe_corpus, name_of_corpus
from nullcline.study.figures import all_plans
from nullcline.study.line_attractor_claims import LINE_ATTRACTOR_CLAIMS
from nullcline.study.line_attractor_claims import evaluate as evaluate_line_attractor
from nullcline.study.table import say_time_constants
from nullcline.sweeps.page import environment

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from jinja2 import Template

    from nullcline.study.claims import Finding
    from nullcline.study.results import NetworkAnalysis

PAGE = "index.html"


def write_report(
    directory: str | os.PathLike[str],
    networks: Sequence[NetworkAnalysis],
    findings: Mapping[str, Finding],
    figures: Mapping[str, Sequence[Path]],
    results: Mapping[str, Any],
    to_explore: Sequence[Sequence[Path]] = (),
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
    to_explore
        The pages to explore, one for each layer of each network, that it links to.

    Returns
    -------
    pathlib.Path
        The page.
    """
    folder = Path(directory)
    page = template("index.html").render(
        cell=name_of_network(networks[0].cell),
        corpus={
            "name": name_of_corpus(networks[0].corpus),
            "description": describe_corpus(networks[0].corpus, networks[0].classes),
            "classes": networks[0].classes,
        },
        examples=_examples(networks),
        networks=[
            _network(network, figures, folder, pages)
            for network, pages in zip(networks, to_explore or [()] * len(networks), strict=True)
        ],
        findings=findings,
        claims=LINE_ATTRACTOR_CLAIMS,
        class_claims=CLASS_CLAIMS,
        context_claims=CONTEXT_CLAIMS,
        has_modifiers=any(network.context for network in networks),
        results=results,
    )
    path = folder / PAGE
    write_text(path, page)
    return path


def template(name: str) -> Template:
    """Return one of the study's templates, with the filters that they use."""
    found = environment("nullcline.study")
    found.filters["listed"] = _listed
    found.filters["number"] = _number
    found.filters["percent"] = _percent
    found.filters["png"] = data_uri
    found.filters["setting"] = _setting
    found.filters["time_constants"] = say_time_constants
    return found.get_template(name)


def _examples(networks: Sequence[NetworkAnalysis]) -> list[dict[str, Any]]:
    """Return the example reviews, and what each network says of them."""
    classes = networks[0].classes
    walks = [network.layers[0].walks for network in networks]
    return [
        {
            "name": f"{classes[own[0].label]} example",
            "text": " ".join(own[0].tokens),
            "origin": own[0].origin or "an early file, which does not say",
            "expected": classes[own[0].label],
            "verdicts": [
                {
                    "probability": walk.probability,
                    "is_right": walk.is_right,
                    "said": "not " + classes[walk.label]
                    if walk.predicted is None
                    else classes[walk.predicted],
                }
                for walk in own
            ],
        }
        for own in zip(*walks, strict=True)
    ]


def _network(
    network: NetworkAnalysis,
    figures: Mapping[str, Sequence[Path]],
    folder: Path,
    to_explore: Sequence[Path],
) -> dict[str, Any]:
    depth = f"{network.n_layers} layer" + ("s" if network.n_layers > 1 else "")
    return {
        "analysis": network,
        "depth": depth,
        "findings": evaluate_line_attractor(network),
        "class_findings": evaluate_classes(network),
        "context_findings": evaluate_context(network) if network.context else [],
        "to_explore": [path.relative_to(folder).as_posix() for path in to_explore],
        "figures": [
            {
                "name": plan.name,
                "title": plan.title,
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


def _listed(values: Sequence[object]) -> str:
    *first, last = map(str, values)
    return f"{', '.join(first)} and {last}" if first else last


def _number(value: float | None, digits: int = 2) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")


def _setting(value: object, name: str) -> str:
    """Return a setting's value, or what stands for it where it is left open."""
    return _LEFT_OPEN.get(name, "none") if value is None else str(value)


_LEFT_OPEN = {
    "classes": "each corpus's own",
    "learning_rate": "the cell's own",
    "max_gradient_norm": "no bound",
    "max_tokens": "all",
    "patience": "all epochs are run",
    "snapshot": "the best epoch's weights",
    "snapshot_steps": "none kept",
    "train_size": "all",
    "vectors": "GloVe's; the generated language's own",
}
"""What None stands for, by setting, where it is not nothing."""


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}%"
