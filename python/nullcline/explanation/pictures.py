"""The pictures of a page, as SVG whose colours the page chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.explanation.account import Account, LayerPath

WIDTH, HEIGHT = 460, 340
"""Of the plane, in the units of its own coordinates."""

LINE_HEIGHT = 170
MARGIN = 16


@dataclass(frozen=True)
class Mark:
    """A point in a picture.

    Attributes
    ----------
    x, y
        Where.
    kind
        What it is, a class of the page's style.
    name
        What is said of it.
    shape
        For points of the dynamics, the outline: a path of SVG.
    """

    x: float
    y: float
    kind: str
    name: str
    shape: str = ""


@dataclass(frozen=True)
class Plane:
    """A layer's plane.

    Attributes
    ----------
    cloud
        The visited states of each class: the class, and a path of SVG with a dot for each.
    line
        The path of the text, as the points of a polyline.
    steps
        The state before the first word and after every word.
    points
        The fixed and slow points within the frame.
    outside
        How many points lie outside of it.
    """

    cloud: tuple[tuple[str, str], ...]
    line: str
    steps: tuple[Mark, ...]
    points: tuple[Mark, ...]
    outside: int


@dataclass(frozen=True)
class Course:
    """The logit over the words.

    Attributes
    ----------
    line
        The points of a polyline.
    zero
        The height of a logit of 0, which is always within.
    steps
        Before the first word and after every word.
    largest, smallest
        The logit at the upper and at the lower edge.
    """

    line: str
    zero: float
    steps: tuple[Mark, ...]
    largest: float
    smallest: float


def plane_of(explanation: Account, layer: LayerPath) -> Plane:
    """Draw a path through a layer."""
    passed = layer.points[[passage.point for passage in layer.passages]]
    seen = np.concatenate([layer.path, layer.cloud, passed])
    frame = _Frame(seen, WIDTH, HEIGHT)
    path = frame.place(layer.path)
    points = frame.place(layer.points)
    inside = [i for i, (x, y) in enumerate(points.tolist()) if 0 <= x <= WIDTH and 0 <= y <= HEIGHT]
    last = len(explanation.classes) - 1
    cloud = frame.place(layer.cloud)
    return Plane(
        cloud=tuple(
            (side, _dots(cloud[rows]))
            for side, rows in (
                ("against", layer.cloud_labels == 0),
                ("between", (layer.cloud_labels > 0) & (layer.cloud_labels < last)),
                ("for", layer.cloud_labels == last),
            )
            if rows.any()
        ),
        line=_line(path),
        steps=_steps(explanation, path),
        points=tuple(
            Mark(
                x=float(points[i, 0]),
                y=float(points[i, 1]),
                kind=str(layer.kinds[i]),
                name=str(i + 1),
                shape=_shape(str(layer.kinds[i]), points[i]),
            )
            for i in inside
        ),
        outside=len(points) - len(inside),
    )


def course_of(explanation: Account) -> Course:
    """Draw the logit over the words."""
    logits = explanation.logits
    seen = np.stack([np.arange(len(logits)), logits], axis=1)
    lowest, highest = min(0.0, float(logits.min())), max(0.0, float(logits.max()))
    corners = np.array([[0.0, lowest], [len(logits) - 1.0, highest]])
    frame = _Frame(corners, WIDTH, LINE_HEIGHT)
    path = frame.place(seen)
    return Course(
        line=_line(path),
        zero=float(frame.place(np.zeros((1, 2)))[0, 1]),
        steps=_steps(explanation, path),
        largest=highest,
        smallest=lowest,
    )


class _Frame:
    """What is shown, and where."""

    def __init__(self, seen: NDArray[np.float64], width: float, height: float) -> None:
        self.low = seen.min(axis=0)
        span = seen.max(axis=0) - self.low
        self.span = np.where(span > 0, span, 1.0)
        self.size = np.array([width, height]) - 2 * MARGIN
        self.height = height

    def place(self, states: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the coordinates in the picture, whose y points down."""
        placed = MARGIN + (states - self.low) / self.span * self.size
        placed[:, 1] = self.height - placed[:, 1]
        return np.asarray(placed)


def _steps(explanation: Account, path: NDArray[np.float64]) -> tuple[Mark, ...]:
    sides = [
        "for" if verdict == explanation.target else "against" for verdict in explanation.verdicts
    ]
    names = ["start", *(str(i) for i in range(len(explanation)))]
    return tuple(
        Mark(x, y, side, name)
        for (x, y), side, name in zip(path.tolist(), sides, names, strict=True)
    )


def _line(path: NDArray[np.float64]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in path.tolist())


def _dots(places: NDArray[np.float64]) -> str:
    return "".join(f"M{x:.0f} {y:.0f}h0" for x, y in places.tolist())


def _shape(kind: str, place: NDArray[np.float64]) -> str:
    """Return the outline of a point: a circle where fixed, a diamond where slow, else a square."""
    x, y = place.tolist()
    r = 7
    if kind == "fixed":
        return f"M{x - r:.1f} {y:.1f}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z"
    if kind == "slow":
        return f"M{x:.1f} {y - r:.1f}l{r} {r}l{-r} {r}l{-r} {-r}z"
    return f"M{x - r:.1f} {y - r:.1f}h{2 * r}v{2 * r}h{-2 * r}z"
