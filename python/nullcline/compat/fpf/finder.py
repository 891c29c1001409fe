"""FixedPointFinder's search, with its arguments and its units, by this package's solvers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support import validation
from nullcline.compat.fpf._network import Network, cell_of, require_searchable
from nullcline.compat.fpf._warn import warn_meaningless
from nullcline.compat.fpf.fixed_points import FixedPoints
from nullcline.search.find import find_fixed_points
from nullcline.search.outliers import far_from

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike, NDArray

    from nullcline._support.validation import Floats

_NO_RATE = "no search here descends at a learning rate"
_MEANINGLESS = {
    "lr_init": _NO_RATE,
    "lr_patience": _NO_RATE,
    "lr_factor": _NO_RATE,
    "lr_cooldown": _NO_RATE,
    "tol_dq": "a search ends at a zero or a local minimum of q, not where steps get small",
    "n_iters_per_print_update": "super_verbose shows how many starts are done",
}

_METHODS = ("joint", "sequential")


class FixedPointFinderTorch:
    """FixedPointFinder's class for PyTorch: its arguments, methods and units.

    Every start is searched in float64 to a zero of the residual or to a local minimum of q,
    whatever the others do. The network is read at each search and is not changed; it may lie on any
    device, and is searched on the processor.

    Parameters
    ----------
    rnn
        A `torch.nn.RNN`, `GRU` or `LSTM` of one layer and one direction, or one of their `Cell`
        classes. Or any module that is called and answers like a `GRU`, ``output, h = rnn(input,
        h0)``, or like the one of these that its class is derived from: `nullcline.from_module`
        has it step in its own way, slower.
    lr_init, lr_patience, lr_factor, lr_cooldown, tol_dq, n_iters_per_print_update
        No meaning here: given at all, each warns by its name.
    tol_q
        The largest half sum of squares of a "slow" point: a local minimum above it is a "minimum"
        (see `FixedPoints.kind`). All are returned.
    max_iters
        Iterations for each start, at most. Far fewer are needed than by gradient descent.
    method
        "joint" or "sequential". Ends are the same: a start's does not depend on the others.
    do_rerun_q_outliers
        Whether to search on from unique points with q above `outlier_q_scale` times their median.
    outlier_q_scale
        Multiple of the median q that `do_rerun_q_outliers` compares with.
    do_exclude_distance_outliers
        Whether to drop unique points that lie `outlier_distance_scale` or more times as far from
        the centroid of the initial states as those do on average.
    outlier_distance_scale
        Multiple of the mean distance that `do_exclude_distance_outliers` compares with.
    tol_unique
        Points are one if the 2-norm of the difference of their (state, input) is at most this.
    max_n_unique
        Of more unique points than this, so many are drawn at random.
    do_compute_jacobians
        Whether to set `J_xstar`, and `dFdu`, of the unique points.
    do_decompose_jacobians
        Whether to set their eigenvalues, eigenvectors and `is_stable` too.
    dtype
        Type of the results, "float32" or "float64". The search itself is in float64.
    random_seed
        Seed of what is drawn: the same states as FixedPointFinder draws.
    verbose
        Whether to print what is done.
    super_verbose
        Whether to show how many starts are done as they are.

    Raises
    ------
    TypeError, ValueError, NotImplementedError
        If an argument, or the network, is not of this kind; the message names it and the fix.
    """

    def __init__(
        self,
        rnn: torch.nn.Module,
        lr_init: float | None = None,
        lr_patience: int | None = None,
        lr_factor: float | None = None,
        lr_cooldown: int | None = None,
        *,
        tol_q: float = 1e-12,
        tol_dq: float | None = None,
        max_iters: int = 5000,
        method: str = "joint",
        do_rerun_q_outliers: bool = False,
        outlier_q_scale: float = 10.0,
        do_exclude_distance_outliers: bool = True,
        outlier_distance_scale: float = 10.0,
        tol_unique: float = 1e-3,
        max_n_unique: float = math.inf,
        do_compute_jacobians: bool = True,
        do_decompose_jacobians: bool = True,
        dtype: str = "float32",
        random_seed: int = 0,
        verbose: bool = True,
        super_verbose: bool = False,
        n_iters_per_print_update: int | None = None,
    ) -> None:
        given = {
            "lr_init": lr_init,
            "lr_patience": lr_patience,
            "lr_factor": lr_factor,
            "lr_cooldown": lr_cooldown,
            "tol_dq": tol_dq,
            "n_iters_per_print_update": n_iters_per_print_update,
        }
        for name, value in given.items():
            if value is not None:
                warn_meaningless(name, _MEANINGLESS[name])
        if method not in _METHODS:
            raise ValueError(f"method must be one of {', '.join(_METHODS)}, not {method!r}")
        self.rnn = rnn
        self.tol_q = validation.tolerance("tol_q", tol_q)
        self.max_iters = validation.whole_number("max_iters", max_iters, 0)
        self.method = method
        self.do_rerun_q_outliers = do_rerun_q_outliers
        self.outlier_q_scale = validation.tolerance("outlier_q_scale", outlier_q_scale)
        self.do_exclude_distance_outliers = do_exclude_distance_outliers
        self.outlier_distance_scale = validation.tolerance(
            "outlier_distance_scale", outlier_distance_scale
        )
        self.tol_unique = validation.tolerance("tol_unique", tol_unique)
        self.max_n_unique = max_n_unique
        self.do_compute_jacobians = do_compute_jacobians
        self.do_decompose_jacobians = do_decompose_jacobians
        self.dtype = dtype
        self.np_dtype = validation.float_type(dtype)
        self.random_seed = random_seed
        self.rng = np.random.RandomState(random_seed)  # its draws are part of the interface
        self.verbose = verbose
        self.super_verbose = super_verbose
        require_searchable(rnn)

    @classmethod
    def default_hps(cls) -> dict[str, Any]:
        """Return the defaults of all arguments that have a meaning here, but for `rnn`."""
        import inspect

        parameters = inspect.signature(cls).parameters.items()
        return {
            name: parameter.default
            for name, parameter in parameters
            if name != "rnn" and name not in _MEANINGLESS
        }

    # Initial states

    def sample_states(
        self,
        state_traj: ArrayLike,
        n_inits: int,
        valid_bxt: ArrayLike | None = None,
        noise_scale: float = 0.0,
    ) -> NDArray[np.float64]:
        """Draw states that a network visited, with replacement, and add Gaussian noise to them.

        Parameters
        ----------
        state_traj
            Shape (n_batch, n_time, n_states).
        n_inits
            How many to draw.
        valid_bxt
            Mask of what may be drawn, shape (n_batch, n_time); None for all.
        noise_scale
            Standard deviation of the noise.

        Returns
        -------
        numpy.ndarray
            Shape (n_inits, n_states): what FixedPointFinder draws with this seed.

        Raises
        ------
        ValueError
            If shapes do not fit, nothing may be drawn, or a state that is drawn is NaN or infinite.
        """
        states = _trajectories("state_traj", state_traj)
        drawn = self._draw(states.shape[:2], valid_bxt, n_inits)
        return self._noisy("state_traj", states[drawn], noise_scale)

    def sample_inputs_and_states(
        self,
        inputs: ArrayLike,
        state_traj: ArrayLike,
        n_inits: int,
        valid_bxt: ArrayLike | None = None,
        noise_scale: float = 0.0,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Draw pairs of an input and a state as `sample_states` does; only states get noise.

        Parameters
        ----------
        inputs
            Shape (n_batch, n_time, n_inputs).
        state_traj, n_inits, valid_bxt, noise_scale
            As in `sample_states`.

        Returns
        -------
        inputs, states
            Shapes (n_inits, n_inputs) and (n_inits, n_states).

        Raises
        ------
        ValueError
            If shapes do not fit, nothing may be drawn, or what is drawn is NaN or infinite.
        """
        states, driving = (
            _trajectories("state_traj", state_traj),
            _trajectories("inputs", inputs),
        )
        if driving.shape[:2] != states.shape[:2]:
            raise ValueError(
                f"inputs must have shape ({states.shape[0]}, {states.shape[1]}, n_inputs), as "
                f"state_traj, not {driving.shape}"
            )
        drawn = self._draw(states.shape[:2], valid_bxt, n_inits)
        validation.require_finite("inputs", driving[drawn])
        return driving[drawn], self._noisy("state_traj", states[drawn], noise_scale)

    # The search

    def find_fixed_points(
        self, initial_states: ArrayLike, inputs: ArrayLike, cond_ids: ArrayLike | None = None
    ) -> tuple[FixedPoints, FixedPoints]:
        """Search from every initial state.

        Parameters
        ----------
        initial_states
            Shape (n, n_states). For an LSTM `[h, c]`, n_states = 2H; or h alone, n_states = H,
            which is what most programs record: then c starts at rest, and results are those of the
            whole state seen in h, as by `FixedPoints.transform` (2H eigenvalues, eigenvectors of
            H rows).
        inputs
            The constant input: shape (1, n_inputs) for all, or (n, n_inputs).
        cond_ids
            A number for each initial state, which its end keeps as `cond_id`, shape (n,).

        Returns
        -------
        unique_fps, all_fps
            The distinct points, with Jacobians, and the ends of all initial states in their order.
            Both hold what did not converge too: `kind` and `qstar` say so.

        Raises
        ------
        TypeError, ValueError
            If an argument has the wrong type or shape, or is not finite.
        """
        double = np.dtype(np.float64)
        starts = validation.floats("initial_states", initial_states, double)
        driving = validation.floats("inputs", inputs, double)
        if starts.ndim != 2 or driving.ndim != 2:
            raise ValueError(
                "initial_states and inputs must have two dimensions each, not shapes "
                f"{starts.shape} and {driving.shape}; of PyTorch's h_n of one layer pass h_n[0], "
                "and of an LSTM's (h, c) numpy.concatenate([h, c], axis=1)"
            )
        network = Network(cell_of(self.rnn, starts.shape[1], driving.shape[1]))
        network.require_shapes(starts, driving)
        hidden_alone = network.is_hidden_alone(starts)
        if hidden_alone:
            starts = network.at_rest(starts, driving)
        driving = np.broadcast_to(driving, (len(starts), driving.shape[1]))
        self._say(f"\nSearching for fixed points from {len(starts)} initial states.\n")
        ends = self._search(network, starts, driving, cond_ids)
        unique = self._unique(network, ends, starts)
        if self.do_compute_jacobians:
            self._linearize(network, unique)
        self._say("\tFixed point finding complete.\n")
        if hidden_alone:
            hidden = np.eye(starts.shape[1], network.hidden_size, dtype=self.np_dtype)
            unique, ends = unique.transform(hidden), ends.transform(hidden)
        return unique, ends

    @staticmethod
    def identify_q_outliers(fps: FixedPoints, q_thresh: float) -> NDArray[np.intp]:
        """Return the numbers of points with q above a threshold."""
        return np.flatnonzero(_q(fps) > q_thresh)

    @staticmethod
    def identify_q_non_outliers(fps: FixedPoints, q_thresh: float) -> NDArray[np.intp]:
        """Return the numbers of points with q at most a threshold."""
        return np.flatnonzero(_q(fps) <= q_thresh)

    @staticmethod
    def identify_distance_non_outliers(
        fps: FixedPoints, initial_states: Floats, dist_thresh: float
    ) -> NDArray[np.intp]:
        """Return the numbers of points near the initial states.

        Near is less far from their centroid than `dist_thresh` times their mean distance to it; all
        points are, if there is but one initial state.
        """
        if fps.xstar is None:
            raise ValueError("points without xstar have no distance")
        return np.flatnonzero(~far_from(initial_states, fps.xstar, dist_thresh))

    # Steps of the search

    def _search(
        self, network: Network, starts: Floats, inputs: Floats, cond_ids: ArrayLike | None
    ) -> FixedPoints:
        found = find_fixed_points(
            network.cell,
            starts,
            inputs,
            tol_slow=self.tol_q / network.q_per_speed,
            max_iterations=self.max_iters,
            progress=self.super_verbose,
        )
        return FixedPoints(
            xstar=found.h.astype(self.np_dtype),
            x_init=starts.astype(self.np_dtype),
            inputs=inputs.astype(self.np_dtype),
            F_xstar=network.cell.step(found.h, inputs).astype(self.np_dtype),
            qstar=(network.q_per_speed * found.q).astype(self.np_dtype),
            dq=network.gain_of_descent(found.h, inputs).astype(self.np_dtype),
            n_iters=found.iterations,
            cond_id=None if cond_ids is None else np.asarray(cond_ids),
            kind=found.kind,
            tol_unique=self.tol_unique,
            dtype=self.np_dtype,
            dtype_complex=np.result_type(self.np_dtype, np.complex64),
        )

    def _unique(self, network: Network, ends: FixedPoints, starts: Floats) -> FixedPoints:
        """Return the distinct points among the ends, as far as they are wanted."""
        unique = ends.get_unique()
        self._say(f"\tIdentified {unique.n} unique fixed points.")
        if self.do_exclude_distance_outliers and unique.n:
            near = self.identify_distance_non_outliers(unique, starts, self.outlier_distance_scale)
            self._say(f"\t{unique.n - near.size} are far from the initial states and left out.")
            unique = unique[near]
        if self.do_rerun_q_outliers and unique.n:
            unique = self._search_on(network, unique).get_unique()
        if unique.n > self.max_n_unique:
            self._say(f"\tKeeping {int(self.max_n_unique)} of them, drawn at random.")
            unique = unique[self.rng.choice(unique.n, int(self.max_n_unique), replace=False)]
        return unique

    def _search_on(self, network: Network, fps: FixedPoints) -> FixedPoints:
        """Search on from points whose q is far above the median."""
        outliers = self.identify_q_outliers(fps, self.outlier_q_scale * float(np.median(_q(fps))))
        self._say(f"\tSearching on from {outliers.size} points of large q.")
        if outliers.size:
            before = fps[outliers]
            states, inputs = (column.astype(np.float64) for column in (before.xstar, before.inputs))
            after = self._search(network, states, inputs, before.cond_id)
            after.x_init = before.x_init
            after.n_iters = after.n_iters + before.n_iters
            fps[outliers] = after
        return fps

    def _linearize(self, network: Network, fps: FixedPoints) -> None:
        self._say(f"\tComputing Jacobians at {fps.n} unique fixed points.")
        states, inputs = (column.astype(np.float64) for column in (fps.xstar, fps.inputs))
        fps.J_xstar = network.cell.jacobian(states, inputs).astype(self.np_dtype)
        fps.dFdu = network.cell.input_jacobian(states, inputs).astype(self.np_dtype)
        if self.do_decompose_jacobians:
            fps.decompose_jacobians(str_prefix="\t")

    # Helpers

    def _draw(
        self, shape: tuple[int, ...], valid_bxt: ArrayLike | None, n: int
    ) -> tuple[NDArray[np.intp], ...]:
        """Return the trials and times of n draws among what is valid."""
        n = validation.whole_number("n_inits", n, 0)
        valid = np.ones(shape, np.bool_) if valid_bxt is None else np.asarray(valid_bxt, np.bool_)
        if valid.shape != shape:
            raise ValueError(f"valid_bxt must have shape {shape}, not {valid.shape}")
        choices = np.nonzero(valid)
        if n and not choices[0].size:
            raise ValueError("valid_bxt must let something be drawn, and it is False everywhere")
        drawn = self.rng.randint(choices[0].size, size=n) if n else np.empty(0, np.intp)
        return tuple(axis[drawn] for axis in choices)

    def _noisy(self, name: str, states: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
        scale = validation.tolerance("noise_scale", scale)
        validation.require_finite(name, states)
        if scale == 0:
            return states
        noisy: NDArray[np.float64] = states + scale * self.rng.randn(*states.shape)
        return noisy

    def _say(self, text: str) -> None:
        if self.verbose:
            print(text)


def _trajectories(name: str, value: ArrayLike) -> NDArray[np.float64]:
    array = validation.floats(name, value, np.dtype(np.float64), finite=False)
    if array.ndim != 3:
        raise ValueError(f"{name} must have shape (n_batch, n_time, n), not {array.shape}")
    return array.astype(np.float64, copy=False)


def _q(fps: FixedPoints) -> Floats:
    if fps.qstar is None:
        raise ValueError("these points have no qstar")
    q: Floats = fps.qstar
    return q
