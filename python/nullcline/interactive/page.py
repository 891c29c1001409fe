"""The page itself: templates, the script of plotly, and what it shows, in one file."""

from __future__ import annotations

import html
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from nullcline._support.files import write_text
from nullcline.interactive.packing import as_script, clean
from nullcline.interop._frameworks import framework

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

SCRIPTS = ("data.js", "theme.js", "space.js", "panel.js", "controls.js")
"""In the order in which they use each other."""

PLOTLY = "plotly.min.js"


def plotly_script() -> str:
    """Return the script of plotly.

    Raises
    ------
    ModuleNotFoundError
        If plotly is not installed.
    """
    script: str = framework("plotly.offline", "explore").get_plotlyjs()
    return script


def write_page(
    path: str | os.PathLike[str],
    layers: Sequence[dict[str, Any]],
    *,
    title: str,
    unit: str,
    dt: float,
    self_contained: bool,
) -> Path:
    """Write the page of some layers (`layer_record`), with plotly's script in it or beside it."""
    plotly = plotly_script()
    record = {"title": clean(title), "unit": clean(unit), "dt": dt, "layers": layers}
    if self_contained:
        script = f"<script>{plotly}</script>"
    else:
        script = f'<script src="{PLOTLY}"></script>'
        _write_once(Path(path).with_name(PLOTLY), plotly)
    text = Template(_template("page.html")).substitute(
        title=html.escape(clean(title)),
        style=_template("page.css"),
        plotly=script,
        data=as_script(record),
        script="\n".join(_template(name) for name in SCRIPTS),
    )
    write_text(path, text)
    return Path(path)


def _write_once(path: Path, script: str) -> None:
    """Write the script, unless another page has brought it."""
    if not (path.is_file() and path.read_bytes() == script.encode("utf-8")):
        write_text(path, script)


def _template(name: str) -> str:
    return (files("nullcline.interactive") / "templates" / name).read_text("utf-8")
