"""How JAX differentiates a function of rows: each row alone, all at once, compiled a few times."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells._jax_modes import as_outside
from nullcline.cells._jax_pieces import filled, in_pieces, joined, pieces
from nullcline.cells._jax_row import WAYS, Row, reads_values, require_states
from nullcline.cells._linearized import Unrecorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from nullcline._support.validation import Floats

LARGEST = 2**23
"""Numbers in the Jacobians that are computed in one call: 64 MB of float64."""


class JaxDerivatives:
    """A function of JAX, and its derivatives by whichever of JAX's modes take it.

    The function is traced once for each type of numbers, for a single row, and this trace is
    computed for all rows by `vmap`, so that no row has a part in another's. A function that cannot
    be traced because it decides by values is called as it is, row after row.

    Parameters
    ----------
    f
        ``f(inputs, states)``, as `from_jax` takes it.
    takes_single
        Whether `f` of float64 serves in float32 too, for directions.
    """

    def __init__(self, f: Any, *, takes_single: bool = False) -> None:
        self.f = f
        self.takes_single = takes_single
        self._programs: dict[np.dtype[Any], _Compiled | _AsItIs] = {}
        self._making = threading.Lock()

    def of(self, f: Any) -> JaxDerivatives:
        """Return the same for another function, such as what stands for `f` in a pickle."""
        return type(self)(f, takes_single=self.takes_single)

    def __getstate__(self) -> dict[str, Any]:
        return {"f": self.f, "takes_single": self.takes_single}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __deepcopy__(self, memo: dict[int, Any]) -> JaxDerivatives:
        """Return itself: nothing of it changes, and a copy has the same weights."""
        return self

    def step(self, h: Floats, x: Floats) -> Floats:
        """Return F(s, x), shape (n, S)."""
        found: Floats = self._compute("step", 0, h, x)
        return found

    def jacobian(self, h: Floats, x: Floats, *, by: int) -> Floats:
        """Return each row's Jacobian, shape (n, S, S) or (n, S, D)."""
        found: Floats = self._compute("jacobian", by, h, x)
        return found

    def jvp(self, h: Floats, x: Floats, v: Floats, *, by: int = 0) -> Floats:
        """Return J v, shape (n, S), for `v` of shape (n, S) or (n, D)."""
        found: Floats = self._compute("jvp", by, h, x, v)
        return found

    def vjp(self, h: Floats, x: Floats, u: Floats, *, by: int = 0) -> Floats:
        """Return uᵀ J, shape (n, S) or (n, D), for `u` of shape (n, S)."""
        found: Floats = self._compute("vjp", by, h, x, u)
        return found

    def curvature(self, h: Floats, x: Floats, u: Floats, v: Floats) -> Floats:
        """Return Σ_i u_i ∂²F_i/∂s² v, shape (n, S), for `u` and `v` of shape (n, S)."""
        return self.curved(h, x, u, v)[1]

    def curved(self, h: Floats, x: Floats, u: Floats, v: Floats) -> tuple[Floats, Floats]:
        """Return J v and Σ_i u_i ∂²F_i/∂s² v, in one pass."""
        found: tuple[Floats, Floats] = self._compute("curvature", 0, h, x, u, v)
        return found

    def linearized(self, h: Floats, x: Floats, u: Floats) -> _Unrecorded:
        """Return the function linearized at states, for u of shape (n, S)."""
        return _Unrecorded(self, h, x, u)

    def row(self, dtype: np.dtype[Any]) -> Row | None:
        """Return the function as it was traced for a type; None where it cannot be, or is not."""
        return getattr(self._programs.get(dtype), "row", None)

    def slower(self, h: Floats, x: Floats) -> dict[str, tuple[str, Exception]]:
        """Return what is not computed in the fastest way, in which, and what JAX says against that.

        States and inputs have the shapes and the type of what will be computed.
        """
        with as_outside(h.dtype):
            program = self._made(h, x)
            for name, n_vectors in {"jacobian": 0, "jvp": 1, "vjp": 1, "curvature": 2}.items():
                program.choose(name, 0, h[:1], x[:1], *[h[:1]] * n_vectors)
            if x.shape[1] > 0:
                program.choose("jvp", 1, h[:1], x[:1], x[:1])
            return program.slower

    def _compute(self, name: str, by: int, h: Floats, x: Floats, *vectors: Floats) -> Any:
        with as_outside(h.dtype):
            return self._made(h, x).compute(name, by, h, x, *vectors)

    def _made(self, h: Floats, x: Floats) -> _Compiled | _AsItIs:
        with self._making:
            if h.dtype not in self._programs:
                self._programs[h.dtype] = _program(self.f, h[:1], x[:1])
            return self._programs[h.dtype]


class _Unrecorded(Unrecorded):
    """Products computed anew each time, those with second derivatives in one pass.

    A record of `jax.vjp` at these states, kept for products, was tried. It saved at most a seventh
    of the CPU time of searches of leaky, GRU and LSTM networks of 64 to 512 units, mostly much
    less, and took more time to compile than that.
    """

    _derivatives: JaxDerivatives

    def curved(self, v: Floats) -> tuple[Floats, Floats]:
        """Return J v, and Σ_i u_i ∂²F_i/∂s² v for the first u."""
        return self._derivatives.curved(*self._at, self._u, v)


def _program(f: Any, h: Floats, x: Floats) -> _Compiled | _AsItIs:
    import jax

    try:
        row = Row(f, jax.numpy.asarray(h), jax.numpy.asarray(x))
    except reads_values():
        return _AsItIs(f)
    return _Compiled(row)


class _Compiled:
    """A traced row, compiled for batches of a few sizes."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.slower: dict[str, tuple[str, Exception]] = {}
        self._compiled: dict[tuple[str, int], Callable[..., Any]] = {}
        self._choosing = threading.Lock()

    def compute(self, name: str, by: int, *arrays: Floats) -> Any:
        """Return what is called by a name of `WAYS`, a row for each row."""
        compute = partial(self.choose(name, by, *arrays), self.row.weights)
        if name != "jacobian":
            return joined(in_pieces(compute, arrays))
        found = np.empty((*arrays[0].shape, arrays[by].shape[1]), arrays[0].dtype)
        most = LARGEST // max(1, found[0].size)
        for begin, end, size in pieces(len(found), most):  # one by one, since they are large
            of_piece = compute(*(filled(array[begin:end], size) for array in arrays))
            found[begin:end] = np.asarray(of_piece)[: end - begin]
        return found

    def choose(self, name: str, by: int, *arrays: Floats) -> Callable[..., Any]:
        """Return what computes it, the same as at the last call."""
        with self._choosing:
            if (name, by) not in self._compiled:
                self._compiled[name, by] = self._chosen(name, by, arrays)
            return self._compiled[name, by]

    def _chosen(self, name: str, by: int, arrays: tuple[Floats, ...]) -> Callable[..., Any]:
        """Return the first way that JAX takes, of all rows at once or else one after another."""
        import jax

        few = [array[:1] for array in arrays]
        refusals: list[Exception] = []
        for over_rows, how in ((_at_once, ""), (_in_turn, "one row after another")):
            for way in WAYS[name]:
                of_rows = over_rows(partial(self._of_row, way, by))
                _, refusal = _tried(partial(jax.eval_shape, of_rows, self.row.weights, *few))
                if refusal is not None:
                    refusals.append(refusal)
                    continue
                if refusals:
                    mode = f"by {way.__name__.partition('_')[0]} mode"
                    self.slower[name] = how or mode, refusals[0]
                compiled: Callable[..., Any] = jax.jit(of_rows)
                return compiled
        raise refusals[0]

    def _of_row(
        self, way: Callable[..., Any], by: int, weights: Any, h: Any, x: Any, *vectors: Any
    ) -> Any:
        def following(at: Any) -> Any:
            return self.row.following(weights, *((x, at) if by == 0 else (at, h)))

        return way(following, (h, x)[by], *vectors)


class _AsItIs:
    """A function that decides by values: called row after row, and never compiled."""

    def __init__(self, f: Any) -> None:
        self._f = f
        self.slower: dict[str, tuple[str, Exception]] = {}

    def compute(self, name: str, by: int, *arrays: Floats) -> Any:
        """Return what is called by a name of `WAYS`, a row for each row."""
        import jax

        return joined(
            [
                (1, jax.tree.map(lambda found: found[None], self._of_row(name, by, *row)))
                for row in zip(*(map(jax.numpy.asarray, array) for array in arrays), strict=True)
            ]
        )

    def choose(self, name: str, by: int, *arrays: Floats) -> None:
        """Raise what computing it raises; there is nothing to prepare."""
        self.compute(name, by, *arrays)

    def _of_row(self, name: str, by: int, h: Any, x: Any, *vectors: Any) -> Any:
        def following(at: Any) -> Any:
            state, read = (at, x) if by == 0 else (h, at)
            return require_states(self._f(read[None], state[None]), h[None])[0]

        refusals: list[Exception] = []
        for way in WAYS[name]:
            found, refusal = _tried(partial(way, following, (h, x)[by], *vectors))
            if refusal is None:
                return found
            refusals.append(refusal)
        raise refusals[0]


def _tried(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """Return what a call returned, or else what it raised."""
    try:
        return call(), None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it raises, another way may work
        return None, error


def _at_once(of_row: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    def of_rows(weights: Any, *arrays: Any) -> Any:
        return jax.vmap(partial(of_row, weights))(*arrays)

    return of_rows


def _in_turn(of_row: Callable[..., Any]) -> Callable[..., Any]:
    import jax

    def of_rows(weights: Any, *arrays: Any) -> Any:
        return jax.lax.map(lambda row: of_row(weights, *row), arrays)

    return of_rows
