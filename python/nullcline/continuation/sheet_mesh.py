"""A sheet covered by discs in its tangent planes, after Henderson, and the triangles between them.

Henderson, "Multiple parameter continuation: computing implicitly defined k-manifolds", Int. J.
Bifurcation and Chaos 12 (2002) 451. Each point of the sheet has a disc in its tangent plane and in
it a polygon, from which the half plane beyond each neighbour is cut off. As long as a corner lies
outside of its disc there is sheet that no disc covers: a new point is put on the rim of the disc
towards that corner and corrected to the sheet. So the mesh goes round folds, and parts that meet
merge. Three polygons that share a corner are a triangle of the mesh, as in Delaunay's.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nullcline.continuation.tangent_polygon import CLOSED, Place, TangentPolygon

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nullcline.continuation.curve_problem import Matrix, Vector
    from nullcline.continuation.sheet_problem import Region
    from nullcline.continuation.tangent_plane import Corrector, TangentPlane

STEEPEST = 0.88
"""The least cosine of the angle by which a tangent plane may turn from a point to the next."""

FLAT = 0.98
"""Where planes turn less, the next disc may be larger again by `GROWTH`."""

GROWTH = 1.5
FINEST = 1 / 32
"""Discs are halved down to this part of the first one's radius where planes turn fast."""

ASIDE = 0.5
"""A neighbour may lie off a tangent plane by this part of its distance along it, or is another
part of the sheet that only passes by."""

APART = 0.45
"""New points at a face keep so many radii away from others."""

ON_FACE = 1e-9
"""A point that is beyond a face by no more lies on it."""

FLATTEST = 1e-6
"""A face whose distance changes less along a tangent plane is parallel to it."""

TO_FACE = 12
"""Corrections of a point to a face."""

SQUARE = 2**0.5
"""A polygon before any cut reaches so many radii."""

TRIANGLE = 2.0
"""The largest radius of a triangle's circle, in radii of the discs; within the sheet it is 1, and
larger triangles fill the notches at its rim."""


@dataclass(frozen=True, eq=False)
class Mesh:
    """Points (V, H + 2), their tangents (V, H + 2, 2), triangles (T, 3), and what ended it."""

    points: Matrix
    tangents: Matrix
    triangles: NDArray[np.intp]
    met_face: bool
    met_extent: bool
    met_limit: bool
    met_end: bool


class Covering:
    """Discs that cover a sheet from one point on."""

    def __init__(
        self, corrector: Corrector, region: Region, plane: TangentPlane, radius: float, most: int
    ) -> None:
        self._corrector, self._region, self._most = corrector, region, most
        self._largest, self._sign = radius, plane.sign
        self._points = np.empty((64, len(plane.point)))
        self._planes: list[TangentPlane | None] = []
        self._tangents = np.empty((64, *plane.tangents.shape))
        self._radii = np.empty(64)
        self._floor = plane.tangents
        self._shadows = np.empty((64, 2))
        self._closings: list[list[tuple[Place, float]]] = []
        self._polygons: list[TangentPolygon] = []
        self._queue: deque[int] = deque()
        self.met_face = self.met_extent = self.met_limit = self.met_end = False
        self._add(plane, radius)

    def __len__(self) -> int:
        return len(self._polygons)

    def cover(self) -> Mesh:
        """Add discs until no polygon is open, or there are as many as may be."""
        while self._queue:
            i = self._queue[0]
            corner = self._polygons[i].outside(self._radii[i])
            if corner is None:
                self._queue.popleft()
                self._planes[i] = None  # its factors are needed no more
                continue
            if len(self) >= self._most:
                self.met_limit = True
                break
            self._extend(i, np.array(corner))
        n = len(self)
        return Mesh(
            self._points[:n].copy(),
            self._tangents[:n].copy(),
            self._triangles(),
            self.met_face,
            self.met_extent,
            self.met_limit,
            self.met_end,
        )

    # One more point

    def _extend(self, i: int, corner: Vector) -> None:
        """Put a point towards a corner of a polygon, or close that side of it."""
        plane = self._plane_of(i)
        if plane is None:
            self._close_ray(i, corner)
            return
        radius = self._radii[i]
        place = corner * (radius / np.hypot(*corner))
        y = self._corrected(plane, place, radius)
        face = None if y is None else self._face_beyond(y)
        if y is not None and face is not None:
            found = self._to_face(plane, place, y, face, radius)
            self._note(face)
            if found is None:
                self._close_ray(i, corner)
                return
            place, y, face = found
            self._close_at(i, plane, face, place, corner)
            if self._is_near(y, APART * radius):
                return
        elif y is not None and (near := self._face_near(plane, y, radius)) is not None:
            found = self._to_face(plane, place, y, near, radius)
            if found is not None and not self._is_near(found[1], APART * radius):
                _, y, face = found
                self._note(face)
        fresh = None if y is None else self._corrector.plane(y, plane.tangents)
        if fresh is None or fresh.sign != self._sign or fresh.cosine < STEEPEST:
            self._shrink(i, corner)
            return
        grown = GROWTH * radius if fresh.cosine > FLAT else radius
        self._add(fresh, min(self._largest, grown), face)

    def _plane_of(self, i: int) -> TangentPlane | None:
        """Return a point's plane with its factors, which are made again where they were dropped."""
        kept = self._planes[i]
        if kept is None:
            kept = self._corrector.plane(self._points[i], self._tangents[i])
            self._planes[i] = kept
        return kept

    def _corrected(self, plane: TangentPlane, place: Vector, radius: float) -> Vector | None:
        start = plane.point + plane.tangents @ place
        y = self._corrector.corrected(plane, start)
        if y is None or not np.linalg.norm(y - start) <= ASIDE * radius:
            return None
        return y

    def _face_beyond(self, y: Vector) -> int | None:
        """Return the face that a point is furthest beyond; None inside."""
        rooms = self._region.rooms(y)
        worst = int(rooms.argmin())
        return worst if rooms[worst] < -ON_FACE else None

    def _face_near(self, plane: TangentPlane, y: Vector, radius: float) -> int | None:
        """Return the face that a point inside is so near to that it had better lie on it."""
        slopes = np.concatenate([np.tile(np.linalg.norm(plane.tangents[:-2], axis=1), 2),
                                 np.ones(4)])  # fmt: skip
        away = self._region.rooms(y) / np.maximum(slopes, FLATTEST)
        nearest = int(away.argmin())
        return nearest if away[nearest] < APART * radius else None

    def _to_face(
        self, plane: TangentPlane, place: Vector, y: Vector, face: int, radius: float
    ) -> tuple[Vector, Vector, int] | None:
        """Move a point outside back to the face, straight in the tangent plane."""
        beyond: int | None = face
        for _ in range(TO_FACE):
            inward = -plane.tangents.T @ self._region.outward(face)
            slope = float(inward @ inward)
            if slope < FLATTEST**2:
                return None
            place = place - (self._region.rooms(y)[face] / slope) * inward
            if np.hypot(*place) > 2 * radius:
                return None
            moved = self._corrected(plane, place, 2 * radius)
            if moved is None:
                return None
            y = moved
            beyond = self._face_beyond(y)
            if beyond is not None:
                face = beyond
            elif self._region.rooms(y)[face] <= ON_FACE:
                return place, y, face
        return None if beyond is not None else (place, y, face)

    def _note(self, face: int) -> None:
        if self._region.is_in_rectangle(face):
            self.met_extent = True
        else:
            self.met_face = True

    def _close_at(
        self, i: int, plane: TangentPlane, face: int, place: Vector, corner: Vector
    ) -> None:
        """Cut a polygon off at a face that runs through a place, and at least a corner of it."""
        normal = plane.tangents.T @ self._region.outward(face)
        offset = float(normal @ place)
        if normal @ corner > offset:
            self._close(i, normal, max(offset, 0.0))
            if max(offset, 0.0) < normal @ corner:
                return
        self._close_ray(i, corner)

    def _close_ray(self, i: int, corner: Vector) -> None:
        """Cut off a corner, beyond which there is no way, at the rim of the disc."""
        away = corner / np.hypot(*corner)
        self._close(i, away, float(self._radii[i] * (1 - 1e-3)))

    def _close(self, i: int, normal: Vector, offset: float) -> None:
        side = _place(normal)
        self._closings[i].append((side, offset))
        self._polygons[i].cut(side, offset, CLOSED)

    def _shrink(self, i: int, corner: Vector) -> None:
        """Halve a disc whose tangent plane does not reach its rim."""
        if self._radii[i] <= FINEST * self._largest:
            self.met_end = True
            self._close_ray(i, corner)
            return
        self._radii[i] /= 2
        for j in [i, *self._neighbours(i)]:
            self._cut_anew(j)

    def _add(self, plane: TangentPlane, radius: float, face: int | None = None) -> None:
        i = len(self)
        if i == len(self._points):
            self._points, self._tangents, self._radii, self._shadows = (
                np.concatenate([rows, np.empty_like(rows)])
                for rows in (self._points, self._tangents, self._radii, self._shadows)
            )
        self._points[i], self._tangents[i], self._radii[i] = plane.point, plane.tangents, radius
        self._shadows[i] = plane.point @ self._floor
        self._planes.append(plane)
        self._closings.append([])
        self._polygons.append(TangentPolygon(radius))
        if face is not None:
            normal = plane.tangents.T @ self._region.outward(face)
            self._closings[i].append((_place(normal), 0.0))
        self._cut_anew(i)
        for j in self._neighbours(i):
            self._cut(j, i)
            self._queue.append(j)
        self._queue.append(i)

    # Neighbours

    def _closer(
        self, y: Vector, distance: Vector | float
    ) -> tuple[NDArray[np.intp], Matrix, Vector]:
        """Return the points closer to y than that: numbers, differences from y, and distances.

        All are looked at in two coordinates alone, where none is further away than it is.
        """
        shadows = self._shadows[: len(self)] - y @ self._floor
        near = np.flatnonzero(np.hypot(*shadows.T) < distance)
        away = self._points[near] - y
        lengths = np.sqrt(np.einsum("ij,ij->i", away, away))
        closer = lengths < (distance[near] if isinstance(distance, np.ndarray) else distance)
        return near[closer], away[closer], lengths[closer]

    def _is_near(self, y: Vector, distance: float) -> bool:
        return len(self._closer(y, distance)[0]) > 0

    def _neighbours(self, i: int, reach: float = SQUARE) -> list[int]:
        """Return whose half planes may cut a point's polygon, on one piece of sheet with it."""
        radii = np.maximum(self._radii[: len(self)], self._radii[i])
        near, away, distance = self._closer(self._points[i], 2 * reach * radii)
        own = self._tangents[i]
        along = np.linalg.norm(away @ own, axis=1)
        off = np.sqrt(np.maximum(distance**2 - along**2, 0.0))
        overlap = np.linalg.det(own.T @ self._tangents[near])
        on_one_piece = (off <= ASIDE * along) & (overlap > ASIDE) & (near != i)
        found: list[int] = near[on_one_piece].tolist()
        return found

    def _cut(self, i: int, j: int) -> None:
        """Cut off from one polygon what is nearer to another point."""
        place = _place((self._points[j] - self._points[i]) @ self._tangents[i])
        self._polygons[i].keep_nearer([place], [j])

    def _cut_by_all(self, polygon: TangentPolygon, i: int, reach: float = SQUARE) -> None:
        """Cut off from a polygon what is nearer to any neighbour of its point than to that."""
        neighbours = self._neighbours(i, reach)
        places = (self._points[neighbours] - self._points[i]) @ self._tangents[i]
        polygon.keep_nearer([_place(place) for place in places], neighbours)

    def _cut_anew(self, i: int) -> None:
        self._polygons[i] = TangentPolygon(self._radii[i])
        for normal, offset in self._closings[i]:
            self._polygons[i].cut(normal, offset, CLOSED)
        self._cut_by_all(self._polygons[i], i)
        self._queue.append(i)

    # Triangles

    def _triangles(self) -> NDArray[np.intp]:
        """Return the triples whose polygons share a corner, each side of a triangle used once."""
        votes: dict[tuple[int, int, int], int] = {}
        for i in range(len(self)):
            polygon = TangentPolygon(2 * TRIANGLE * self._radii[i])
            self._cut_by_all(polygon, i, SQUARE * TRIANGLE)
            for a, b in polygon.joints(TRIANGLE * self._radii[i]):
                least = min(i, a, b)
                turned = {i: (i, a, b), a: (a, b, i), b: (b, i, a)}[least]
                votes[turned] = votes.get(turned, 0) + 1
        used: set[tuple[int, int]] = set()
        taken: list[tuple[int, int, int]] = []
        for triangle in sorted(votes, key=lambda t: (-votes[t], t)):
            a, b, c = triangle
            sides = {(a, b), (b, c), (c, a)}
            if not sides & used:
                used |= sides
                taken.append(triangle)
        return np.array(sorted(taken), np.intp).reshape(-1, 3)


def _place(vector: Vector) -> Place:
    x, y = vector.tolist()
    return x, y
