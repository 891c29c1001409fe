"""What a function is found to be, before any search calls it: a map, and how it is differentiated.

It is called with a few states, none of which a search needs, and compared with itself: alone and in
a batch, with autograd and with differences.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells._autograd import as_outside
from nullcline.cells._derivatives import (
    Batched,
    RowByRow,
    Vectorized,
    require_states,
)
from nullcline.interop._explain import (
    UNRELATED,
    in_training,
    of_another_library,
    why_it_fails,
    why_not_differentiable,
    why_not_the_same,
)
from nullcline.interop._kinks import has_kinks
from nullcline.interop._products import takes_single_precision, with_second_derivatives
from nullcline.interop._watch import watch

if TYPE_CHECKING:
    import torch

    from nullcline._support.validation import Floats
    from nullcline.cells._derivatives import Step
    from nullcline.cells.box import Box

N_ROWS = 3
"""States that it is called with."""

N_DIRECTIONS = 3
"""Directions in which derivatives are compared with differences."""


@dataclass(frozen=True)
class Words:
    """What is said of functions of one library.

    Attributes
    ----------
    library
        What it is called.
    detaching
        How a function comes to have derivatives that are not those of its values.
    widening
        How its weights are made float64.
    """

    library: str
    detaching: str
    widening: str

    @property
    def wrong_derivatives(self) -> str:
        """What is said of derivatives that are not those of the values."""
        return (
            f"f has derivatives, as {self.library} finds them, that are not those of its values "
            f"({self.detaching} or a surrogate gradient within?): fixed points are judged by "
            "values, but stability and all else that is linear will be that of these derivatives"
        )

    @property
    def coarse(self) -> str:
        """What is said of float64 that is exact to float32's rounding alone."""
        return (
            "f returns float64 and computes in float32 in part: its values are exact to float32's "
            "rounding alone, and it is searched in float32. To have it searched in float64, "
            f"convert its weights ({self.widening}) and leave out casts"
        )


_TORCH = Words("PyTorch", "detach, no_grad", "module.double()")


@dataclass
class Examined:
    """What a function was found to be.

    Attributes
    ----------
    derivatives
        How it is differentiated.
    is_smooth
        Whether no operation with kinks was seen.
    precision
        The type to whose rounding its values are exact.
    doubts
        Sentences that its owner should read.
    """

    derivatives: Any
    is_smooth: bool
    precision: np.dtype[Any]
    doubts: list[str] = field(default_factory=list)


def examine(
    f: Step, box: Box, n_inputs: int, dtype: np.dtype[Any], device: torch.device
) -> Examined:
    """Return what `f` is found to be; raise unless it is a map of rows that is differentiable."""
    rng = np.random.default_rng(1)
    h, x = sample(box, n_inputs, dtype)
    u = rng.normal(size=h.shape).astype(dtype)
    plain, alone = Batched(f, device), RowByRow(f, device)
    with as_outside():
        states = plain.tensor(h).requires_grad_()
        recorded = _first_call(plain, states, h, x)
        _require_a_map(plain, alone, h, x)
        products = _require_derivatives(plain, alone, recorded, states, h, x, u)
        seen = watch(lambda: f(plain.tensor(x), plain.tensor(h).requires_grad_().clone()))
        _require_full_precision(seen.types, dtype)
        examined = Examined(Vectorized(f, device), not has_kinks(recorded), dtype)
        refusal = _why_not_vectorized(examined.derivatives, h, x, u, products)
        if refusal:
            examined.derivatives = alone if seen.reads_values else plain
        examined.derivatives = with_second_derivatives(examined.derivatives, h, x, u)
        if refusal and not examined.derivatives.is_recorded:
            examined.doubts.append(_slower(refusal, alone=seen.reads_values))
        compare_with_differences(examined, h, x, rng, _TORCH)
        if examined.precision == np.float64:
            single = takes_single_precision(examined.derivatives, h, x, u)
            examined.derivatives.takes_single = single
    return examined


def sample(box: Box, n_inputs: int, dtype: np.dtype[Any]) -> tuple[Floats, Floats]:
    """Return a few states inside a box, and inputs."""
    rng = np.random.default_rng(0)
    h = _within(box, rng).astype(dtype)
    return h, rng.uniform(-0.5, 0.5, (N_ROWS, n_inputs)).astype(dtype)


def _within(box: Box, rng: np.random.Generator) -> Floats:
    """Return states inside a box, near zero if zero is."""
    low, high = np.maximum(box.low, -1), np.minimum(box.high, 1)
    low = np.where(box.low >= 1, box.low, np.where(box.high <= -1, high - 1, low))
    high = np.where(box.low >= 1, np.minimum(box.high, box.low + 1), high)
    low = np.maximum(low, box.low)
    quarter = (high - low) / 4
    return rng.uniform(low + quarter, high - quarter, (N_ROWS, len(low)))


def _first_call(plain: Batched, states: torch.Tensor, h: Floats, x: Floats) -> torch.Tensor:
    """Return what autograd records of the next states."""
    import torch

    try:
        found: object = plain.f(plain.tensor(x), states.clone())
    except MemoryError:
        raise
    except Exception as error:
        raise why_it_fails(plain, error, h, x) from error
    if not isinstance(found, torch.Tensor) and (other := of_another_library(plain.f, h, x)):
        raise TypeError(other)
    return require_states(found, states)


def _require_a_map(plain: Batched, alone: RowByRow, h: Floats, x: Floats) -> None:
    """Raise unless `f` maps each row alone, repeatably, to finite states."""
    try:
        together, again = plain.step(h, x), plain.step(h, x)
        apart = alone.step(h, x)
    except MemoryError:
        raise
    except Exception as error:
        raise why_it_fails(plain, error, h[:1], x[:1]) from error
    if not np.array_equal(together, again, equal_nan=True):
        raise ValueError(why_not_the_same(plain, h, x))
    require_rows(together, apart, h, in_training(plain.f))


def require_rows(together: Floats, apart: Floats, h: Floats, hint: str = "") -> None:
    """Raise unless next states are finite, and the same one by one as together."""
    if not np.isfinite(together).all():
        raise ValueError(
            "f must return finite states, and returned NaN or infinity for states between "
            f"{h.min():.3g} and {h.max():.3g}: mend its weights, or say by bounds= which states "
            "it takes"
        )
    tolerance = _tolerance(h)
    if not np.allclose(together, apart, rtol=tolerance, atol=tolerance):
        raise ValueError(
            f"f must map each row by itself: rows of a batch changed one another{hint}"
        )


def _require_derivatives(
    plain: Batched,
    alone: RowByRow,
    recorded: torch.Tensor,
    states: torch.Tensor,
    h: Floats,
    x: Floats,
    u: Floats,
) -> tuple[Floats, Floats]:
    """Return uᵀ times the derivatives by states and by inputs; raise where there are none."""
    import torch

    if not recorded.requires_grad:
        raise TypeError(UNRELATED)
    try:  # raises where the states have no part in what requires derivatives
        torch.autograd.grad(recorded, states, plain.tensor(u), retain_graph=True)
        apart, batched = (
            (way.vjp(h, x, u, by=0), way.vjp(h, x, u, by=1)) for way in (alone, plain)
        )
    except MemoryError:
        raise
    except Exception as error:
        raise why_not_differentiable(error) from error
    if not all(np.isfinite(product).all() for product in apart):
        raise ValueError("f must have finite derivatives, and autograd found NaN or infinity")
    if not all(map(_alike, apart, batched)):
        raise ValueError("f must map each row by itself: rows of a batch have mixed derivatives")
    return apart


def _require_full_precision(types: set[torch.dtype], dtype: np.dtype[Any]) -> None:
    narrow = [kind for kind in types if kind.is_floating_point and kind.itemsize < 4]
    if narrow:
        name = str(narrow[0]).removeprefix("torch.")
        mend = ".double()" if dtype == np.float64 else ".float()"
        raise TypeError(
            f"f must compute in {dtype}, and uses {name} in part, too coarse for fixed points: "
            f"leave out the casts, and convert its weights by {mend}"
        )


def _why_not_vectorized(
    derivatives: Vectorized, h: Floats, x: Floats, u: Floats, right: tuple[Floats, Floats]
) -> str | None:
    """Return what `vmap` says against `f`; None if it finds the derivatives that autograd finds."""
    try:
        derivatives.step_of_each(h[:1], x[:1])
        found = [
            np.einsum("nj,njk->nk", u[:1], derivatives.jacobian(h[:1], x[:1], by=by))
            for by in (0, 1)
            if by == 0 or x.shape[1] > 0
        ]
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it raises, autograd works
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return said.removeprefix("vmap: ").partition(". ")[0]
    if all(_alike(here, there[:1]) for here, there in zip(found, right, strict=False)):
        return None
    return "it finds other derivatives than autograd"


def _slower(refusal: str, *, alone: bool) -> str:
    how = (
        "one row at a time, since it decides by values (if, .item() and the like)"
        if alone
        else "in one pass for each unit"
    )
    return (
        f"f is differentiated by plain autograd, {how}, which is slower: torch.func.vmap refuses "
        f"it ({refusal})"
    )


def compare_with_differences(
    examined: Examined, h: Floats, x: Floats, rng: np.random.Generator, words: Words
) -> None:
    """Doubt derivatives that are not those of the values, and values that are coarse.

    Over a distance that float32 resolves, the quotient of differences tells whether derivatives
    are right. If they are, the quotient over a distance that float32 does not resolve, and float64
    does, tells in which of the two the values are computed.
    """
    directions = rng.normal(size=(N_DIRECTIONS, h.shape[1]))
    directions /= np.abs(directions).max(axis=1, keepdims=True)
    jacobian = examined.derivatives.jacobian(h[:1], x[:1], by=0)[0].astype(np.float64)
    right = directions @ jacobian.T

    def quotient(distance: float) -> Floats:
        distance *= 1 + float(np.abs(h[0]).max())
        states = h[0] + distance * np.concatenate([directions, -directions])
        read = np.repeat(x[:1], len(states), axis=0)
        values = examined.derivatives.step(states.astype(h.dtype), read).astype(np.float64)
        ahead, behind = np.split(values, 2)
        found: Floats = (ahead - behind) / (2 * distance)
        return found

    is_double = h.dtype == np.float64
    wide, wider = map(quotient, (1e-4, 1e-3) if is_double else (3e-3, 1e-2))
    scale, error = max(_size(right), _size(wide)), _size(wide - right)
    # Quotients that are nearer to each other than to the derivative are no accident.
    if error > (1e-3 if is_double else 1e-2) * scale and _size(wide - wider) < 0.1 * error:
        examined.doubts.append(words.wrong_derivatives)
        return
    size = 1 + float(np.abs(examined.derivatives.step(h[:1], x[:1])).max())
    # float64's rounding makes it some 1e-8 of these, and float32's at least its part in the values.
    if is_double and _size(quotient(1e-8) - right) > max(10 * error, 3e-6 * max(scale, size)):
        examined.precision = np.dtype(np.float32)
        examined.doubts.append(words.coarse)


def _size(array: Floats) -> float:
    return float(np.linalg.norm(array))


def _alike(found: Floats, right: Floats) -> bool:
    tolerance = _tolerance(right)
    scale = float(np.abs(right).max(initial=1))
    return bool(np.allclose(found, right, rtol=tolerance, atol=tolerance * scale))


def _tolerance(array: Floats) -> float:
    return 1e-6 if array.dtype == np.float64 else 1e-3
