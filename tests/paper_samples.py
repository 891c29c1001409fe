"""Analyses of networks made by hand, so that a test knows what the figures and claims must say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from nullcline.paper.results import Descent, LayerAnalysis, NetworkAnalysis, Spectrum, Walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

H = 12


def variance(first_two: float, size: int = H) -> NDArray[np.float64]:
    """Return ratios of which the first two make up `first_two`, the others sharing the rest."""
    rest = np.full(size - 2, (1 - first_two) / (size - 2))
    return np.concatenate([[first_two * 0.75, first_two * 0.25], rest])


def ends(kinds: Sequence[str], counts: Sequence[int]) -> tuple[nc.FixedPoints, nc.FixedPoints]:
    """Return one row a start, and the distinct points, of these kinds and numbers of starts."""
    rng = np.random.default_rng(0)
    rows = np.repeat(np.arange(len(kinds)), counts)
    h = rng.uniform(-0.8, 0.8, (len(kinds), H))
    q = np.array([{"fixed": 1e-32, "slow": 1e-7, "unconverged": 1e-2}[kind] for kind in kinds])

    def points(index: NDArray[np.intp], count: NDArray[np.int64]) -> nc.FixedPoints:
        return nc.FixedPoints(
            h=h[index],
            q=q[index],
            kind=np.array(kinds, "U11")[index],
            reason=np.array(["made by hand"] * len(index), "U12"),
            iterations=np.full(len(index), 3, np.int32),
            starts=h[index],
            inputs=None,
            tol_unique=1e-3,
            count=count,
        )

    converged = np.flatnonzero([kind != "unconverged" for kind in kinds])
    return (
        points(rows, np.ones(len(rows), np.int64)),
        points(converged, np.asarray(counts, np.int64)[converged]),
    )


def spectrum(eigenvalues: Sequence[complex], kind: str = "fixed") -> Spectrum:
    """Return a spectrum, by falling modulus."""
    values = np.array(sorted(eigenvalues, key=abs, reverse=True), np.complex128)
    return Spectrum(kind=kind, q=0.0, count=1, norm=1.0, eigenvalues=values)


STABLE_REAL = (0.9, 0.5, 0.1)
GROWING_ROTATION = (0.8 + 0.8j, 0.8 - 0.8j, 0.1)


def layer(number: int = 1, **changes: Any) -> LayerAnalysis:
    """Return a layer that agrees with what the paper says of a first layer."""
    rng = np.random.default_rng(number)
    kinds = changes.pop("kinds", ("fixed",) * 4 + ("slow",) * 4)
    counts = changes.pop("counts", (3,) * len(kinds))
    points, unique = ends(kinds, counts)
    walk = Walk(("a", "$5", "film", "."), rng.normal(size=(4, 2)), 1, 0.9)
    return LayerAnalysis(
        **{
            "layer": number,
            "n_states": 100,
            "explained_variance_ratio": variance(0.88),
            "explained_variance_ratio_untrained": np.full(H, 1 / H),
            "mean": np.zeros(H),
            "components": np.eye(H)[:2],
            "sample_projection": rng.normal(size=(60, 2)),
            "sample_labels": np.arange(60) % 2,
            "walks": (walk, Walk(("worst", "ever"), rng.normal(size=(2, 2)), 0, 0.1)),
            "points": points,
            "unique": unique,
            "radius_exists": np.where(unique.kind == "fixed", 1e-13, np.nan),
            "radius_unique": np.where(unique.kind == "fixed", 1e-3, np.nan),
            "descent": Descent(tol_slow=1e-6, below=20, distinct=17, fixed=0),
            "unique_projection": unique.h[:, :2],
            "end_projection": points.h[:, :2],
            "distance_to_cloud": np.full(len(unique), 0.1),
            "spectra": (spectrum(STABLE_REAL),),
            **changes,
        }
    )


def network(*layers: LayerAnalysis) -> NetworkAnalysis:
    """Return a network of these layers."""
    return NetworkAnalysis(
        n_layers=len(layers),
        corpus="by hand",
        test_accuracy=0.9,
        validation_loss=0.25,
        best_epoch=2,
        readout=np.ones(H),
        layers=layers,
        seconds={"training": 61.0, "search": 0.25},
    )
