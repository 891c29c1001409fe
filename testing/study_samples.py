"""Analyses of networks made by hand, so that a test knows what the figures and claims must say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import nullcline as nc
from nullcline.study.dynamics_results import DynamicsAnalysis, WordAnalysis
from nullcline.study.isolation import Isolation
from nullcline.study.layer_results import Descent, LayerAnalysis, Walk
from nullcline.study.point_results import PointsAtInput
from nullcline.study.results import Baseline, NetworkAnalysis
from nullcline.study.spectrum import Spectrum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

H = 12


def variance(first_two: float, size: int = H) -> NDArray[np.float64]:
    """Return ratios of which the first two make up `first_two`, the others sharing the rest."""
    rest = np.full(size - 2, (1 - first_two) / (size - 2))
    return np.concatenate([[first_two * 0.75, first_two * 0.25], rest])


def ends(kinds: Sequence[str], counts: Sequence[int]) -> tuple[nc.FixedPoints, nc.FixedPoints]:
    """Return one row per start, and the distinct points, of these kinds and numbers of starts."""
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
            "sample": rng.normal(size=(60, H)).astype(np.float32),
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
            "dynamics": None,
            **changes,
        }
    )


def points_at(given: str = "zero", **changes: Any) -> PointsAtInput:
    """Return one stable fixed point at an input, near the states, whose modes are real."""
    kinds = changes.pop("kinds", ("fixed",))
    _, unique = ends(kinds, (3,) * len(kinds))
    rank = changes.pop("rank", 0.2)
    return PointsAtInput(
        **{
            "input": given,
            "unique": unique,
            "degree": "index sum 1",
            "completeness": "consistent with being complete",
            "is_consistent": True,
            "radius_exists": np.full(len(unique), 1e-13),
            "radius_unique": np.full(len(unique), 1e-3),
            "isolation": Isolation(*(np.full(len(unique), x) for x in (0.1, 0.8, rank))),
            "spectra": (spectrum(STABLE_REAL),) * len(unique),
            "dynamics": None,
            **changes,
        }
    )


def at_inputs(**changes: Any) -> tuple[PointsAtInput, ...]:
    """Return the same points at every input."""
    return tuple(points_at(given, **changes) for given in ("zero", "mean", "joint"))


def network(*layers: LayerAnalysis, **changes: Any) -> NetworkAnalysis:
    """Return a network of these layers."""
    return NetworkAnalysis(
        **{
            "n_layers": len(layers),
            "cell": "gru",
            "corpus": "by hand",
            "n_train": 700,
            "classes": ("negative", "positive"),
            "split": "test",
            "test_accuracy": 0.9,
            "train_accuracy": 0.95,
            "baseline": Baseline(0.85, 0.97, 0.1),
            "chance": 0.5,
            "validation_loss": 0.25,
            "best_epoch": 2,
            "readout": np.ones(H),
            "layers": layers,
            "seconds": {"training": 61.0, "search": 0.25},
            **changes,
        }
    )


def line(**changes: Any) -> nc.LineAttractor:
    """Return a line attractor ten times as long as wide, along its mode and the readout."""
    rng = np.random.default_rng(0)
    positions = np.linspace(1, 11, 5)
    return nc.LineAttractor(
        **{
            "positions": positions,
            "h": np.outer(positions, np.eye(H)[0]),
            "tangents": np.tile(np.eye(H)[0], (5, 1)),
            "time_constants": np.full(5, 60.0),
            "tangent_to_mode": np.full(5, 4.0),
            "tangent_to_readout": np.full(5, 30.0),
            "mode_to_readout": np.full(5, 31.0),
            "visited": (1.0, 11.0),
            "state_positions": rng.uniform(1, 11, 60),
            "state_distances": np.ones(60),
            "offset": 0.1,
            "r2": 0.8,
            "explained_variance": 0.85,
            "explained_by_chord": 0.84,
            "explained_by_component": 0.86,
            **changes,
        }
    )


def words(*, agreeing: bool = True) -> WordAnalysis:
    """Return nine words whose effects rank as their weights do, or the other way round."""
    weights = np.linspace(-2, 2, 9)
    effects = (weights if agreeing else -weights) / 10
    return WordAnalysis(
        words=tuple("abcdefghi"),
        weights=weights,
        effects=nc.WordEffects(
            eigenvalues=np.array([0.98 + 0j]),
            time_constants=np.array([50.0]),
            projections=effects[:, None].astype(np.complex128),
            mode_readouts=np.ones(1),
            instantaneous=2 * effects,
            steady=effects,
            held=effects,
        ),
    )


def dynamics(**changes: Any) -> DynamicsAnalysis:
    """Return an analysis that agrees with what is said of a line attractor."""
    return DynamicsAnalysis(
        **{
            "point": 0,
            "time_constants": np.array([60.0, 3.0, 3.0, 2.0, 1.0]),
            "next_state_r2": 0.99,
            "next_change_r2": 0.9,
            "next_by_distance": nc.DistanceBins(
                edges=np.array([0.0, 1.0, 2.0]),
                distance=np.array([0.5, 1.5]),
                count=np.array([30, 30]),
                r2=np.array([0.99, 0.9]),
                r2_of_change=np.array([0.9, -3.0]),
            ),
            "review_state_r2": 0.8,
            "review_readout_r2": 0.75,
            "line": line(),
            "words": words(),
            **changes,
        }
    )
