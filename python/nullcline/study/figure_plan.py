"""What a figure is before it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from nullcline.study.results import NetworkAnalysis


@dataclass(frozen=True)
class FigurePlan:
    """A figure: its name (the paper's number), what draws it, its title and its caption."""

    name: str
    draw: Callable[[NetworkAnalysis], Figure]
    title: str
    caption: str
