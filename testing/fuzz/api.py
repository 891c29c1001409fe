"""Odd arguments for every public function: wrong shapes, types, sizes and values."""

from __future__ import annotations

import builtins
import functools
import random
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

import nullcline as nc
from testing.fuzz.campaign import EXAMPLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RIGHT = "answered"
REFUSED = "refused"

Call: TypeAlias = "tuple[Callable[..., Any], dict[str, Any]]"

_H, _D, _N = 3, 2, 4
_SHAPES = (
    (), (0,), (1,), (_D,), (_H,), (_N,), (9,), (0, _H), (1, _H), (_N, _H), (_N, _D), (_H, _H),
    (_H, _D), (9, _D), (9, _H), (12, _H), (_N, 0), (_N, _H, 1), (1, _N, _H), (5, 7),
)  # fmt: skip
_DTYPES = ("f8", "f8", "f8", "f4", "f2", "g", ">f8", "i8", "u1", "?", "c16", "U3", "S2", "M8[s]")
_SPECIAL = (0.0, 1.0, -1.0, np.nan, np.inf, -np.inf, 1e308, -1e200, 1e30, 1e-320)
_ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 3, 7, 10**30, -(2**63), 2**31, 0.0, -0.0, 0.5, -0.5, 1e308,
    5e-324, float("nan"), float("inf"), 1j, "", "a", "auto", "lm", "krylov", "cuda:99", "float32",
    b"x", (), [], {}, {"a": 1}, {"a": [0.0, 1.0]}, [[]], [[1.0], [1.0, 2.0]], [None], object(),
    int, np.float64, np.float32(2), np.array(None), slice(None), range(3), "random",
)  # fmt: skip


@functools.cache
def _calls() -> dict[str, Call]:
    """Return a call that is right for each function, with all of the arguments that it has."""
    rng = np.random.default_rng(0)
    weights = {"weight_ih": rng.normal(size=(9, _D)), "weight_hh": rng.normal(size=(9, _H))}
    biases = {"bias_ih": rng.normal(size=9), "bias_hh": rng.normal(size=9)}
    gru = nc.GRU(**weights, **biases)
    starts, inputs = rng.uniform(-1, 1, (_N, _H)), rng.normal(size=_D)
    threads = ThreadPoolExecutor(1)
    points = nc.find_fixed_points(gru, starts, inputs, n_threads=1)
    point = points.select("fixed").unique().select([0])
    linear = nc.linearize(gru, point, n_threads=1)
    traced = nc.trace(gru, point, max_points=20, n_threads=1)
    cycles = nc.find_cycles(gru, starts, [1, 2], inputs)
    states = rng.uniform(-1, 1, (30, _H))
    visited = nc.collect_states(torch.nn.GRU(_D, _H), [torch.zeros(3, 2, _D)])["l0"]
    stack = nc.Stack([gru, nc.GRU(rng.normal(size=(9, _H)), weights["weight_hh"])])
    joint = nc.find_fixed_points(stack, np.hstack([starts, starts]), inputs, n_threads=1)

    def cell(make: Any, gates: int) -> Call:
        rows = gates * _H
        arrays = {name: value[:rows] for name, value in {**weights, **biases}.items()}
        if gates == 4:
            arrays = {name: np.concatenate([value, value[:3]]) for name, value in arrays.items()}
        return make, arrays

    def rate(make: Any) -> Call:
        arrays = {name: value[:_H] for name, value in weights.items()}
        more = {"bias": np.ones(_H), "alpha": 0.5, "activation": "tanh", "dt": None, "tau": None}
        return make, {**arrays, **more}

    where = {"cell": gru, "point": point}
    context = {
        "cell": gru, "contexts": starts, "embeddings": rng.normal(size=(6, _D)),
        "readout": np.ones(_H), "origin": starts[0],
    }  # fmt: skip
    return {
        "GRU": cell(nc.GRU, 3),
        "OriginalGRU": cell(nc.OriginalGRU, 3),
        "LSTM": cell(nc.LSTM, 4),
        "MGU": cell(nc.MGU, 2),
        "UGRNN": cell(nc.UGRNN, 2),
        "RNN": (nc.RNN, {**cell(nc.RNN, 1)[1], "nonlinearity": "tanh"}),
        "LeakyRNN": rate(nc.LeakyRNN),
        "RateRNN": rate(nc.RateRNN),
        "Stack": (nc.Stack, {"cells": [gru]}),
        "Cell.step": (gru.step, {"h": starts, "x": inputs}),
        "Cell.speed": (gru.speed, {"h": starts, "x": inputs}),
        "Cell.jacobian": (gru.jacobian, {"h": starts, "x": inputs}),
        "Cell.input_jacobian": (gru.input_jacobian, {"h": starts, "x": inputs}),
        "FixedPoints": (
            nc.FixedPoints,
            {name: getattr(points, name) for name in nc.FixedPoints.__dataclass_fields__},
        ),
        "FixedPoints.select": (points.select, {"which": "fixed"}),
        "FixedPoints.concatenate": (nc.concatenate, {"parts": [points, points]}),
        "Linearization.select": (linear.select, {"which": "stable"}),
        "Linearization.concatenate": (nc.concatenate, {"parts": [linear, linear]}),
        "FixedPoints.unique": (points.unique, {"unconverged": False}),
        "FixedPoints.outliers": (points.outliers, {"threshold": 10.0}),
        "FixedPoints.certify": (point.certify, {"cell": gru}),
        "find_fixed_points": (
            nc.find_fixed_points,
            {
                "cell": gru, "starts": starts, "inputs": inputs, "method": "auto", "deflate": None,
                "tol_unique": 1e-3, "tol_slow": 1e-6, "max_iterations": 50, "n_threads": 1,
                "device": "cpu", "executor": threads, "chunk_size": 2, "progress": False, "seed": 0,
            },
        ),
        "find_cycles": (
            nc.find_cycles,
            {
                "cell": gru, "starts": starts, "period": 2, "inputs": inputs, "n_steps": 20,
                "tol_unique": 1e-6, "max_iterations": 20, "seed": 0, "executor": threads,
                "chunk_size": 2,
            },
        ),
        "Cycles": (
            nc.Cycles,
            {name: getattr(cycles, name) for name in nc.Cycles.__dataclass_fields__},
        ),
        "Cycles.select": (cycles.select, {"which": "fixed"}),
        "Cycles.completeness": (
            cycles.completeness,
            {"points": points, "powers": [1, 2], "cell": gru},
        ),
        "find_attractors": (
            nc.find_attractors,
            {
                "cell": gru, "starts": starts, "inputs": inputs, "n_steps": 40, "transient": 20,
                "longest": 4, "tol_unique": 1e-6, "seed": 0, "executor": threads, "chunk_size": 2,
            },
        ),
        "lyapunov_exponents": (
            nc.lyapunov_exponents,
            {
                "cell": gru, "starts": starts, "n_steps": 20, "inputs": inputs, "k": 2,
                "transient": 10, "seed": 0,
            },
        ),
        "collect_states": (
            nc.collect_states,
            {
                "module": torch.nn.GRU(_D, _H), "loader": [torch.zeros(3, 2, _D)], "n_states": 4,
                "layers": None, "call": None, "lengths": None, "labels": None, "seed": 0,
                "progress": False,
            },
        ),
        "VisitedStates": (
            nc.VisitedStates,
            {name: getattr(visited, name) for name in nc.VisitedStates.__dataclass_fields__},
        ),
        "VisitedStates.select": (visited.select, {"which": [0, 2]}),
        "linearize": (
            nc.linearize,
            {
                "cell": gru, "points": starts, "inputs": inputs, "k": None, "n_threads": 1,
                "executor": threads, "chunk_size": 2,
            },
        ),
        "trace": (
            nc.trace,
            {
                **where, "inputs": None, "n_directions": 1, "largest_step": 1.0, "max_points": 20,
                "tol_unique": 1e-3, "tol_slow": 1e-6, "n_threads": 1,
            },
        ),
        "follow_input": (
            nc.follow_input,
            {
                **where, "direction": np.ones(_D), "inputs": None, "reach": 0.5,
                "largest_step": 1.0, "max_points": 20, "n_threads": 1,
            },
        ),
        "fold_curve": (
            nc.fold_curve,
            {
                **where, "direction_1": np.eye(_D)[0], "direction_2": np.eye(_D)[1], "inputs": None,
                "reach": 0.5, "largest_step": 1.0, "max_points": 5,
            },
        ),
        "follow_training": (
            nc.follow_training,
            {"cells": [gru, gru], "points": point, "largest_step": 1.0, "max_points": 20},
        ),
        "layer_points": (nc.layer_points, {"stack": stack, "points": joint, "tol_slow": 1e-6}),
        "measure_line_attractor": (
            nc.measure_line_attractor,
            {
                "cell": gru, "path": traced.curves[0] if traced.curves else states[:3],
                "states": states, "inputs": None, "readout": np.ones(_H), "central": 0.95,
                "n_positions": 5,
            },
        ),
        "participation_ratio": (nc.participation_ratio, {"states": states}),
        "intrinsic_dimension": (
            nc.intrinsic_dimension, {"states": states, "share": 0.95, "n_neighbours": 3},
        ),
        "class_geometry": (
            nc.class_geometry, {"states": states, "labels": np.arange(len(states)) % 3},
        ),
        "readout_angles": (
            nc.readout_angles, {"states": states, "readout": np.eye(_H)[:2], "dimension": 2},
        ),
        "slow_modes": (nc.slow_modes, {"linearization": linear, "longer_than": None}),
        "settle": (nc.settle, {"cell": gru, "states": states, "steps": 3, "inputs": None}),
        "perturbation_decay": (
            nc.perturbation_decay,
            {
                "cell": gru, "states": states, "dimension": 2, "steps": 3, "size": 0.1,
                "inputs": None, "seed": 0,
            },
        ),
        "participation_ratio_of_variances": (
            nc.participation_ratio_of_variances,
            {"variances": np.ones(_H)},
        ),
        "predict_next_states": (
            nc.predict_next_states,
            {"linearization": linear, "states": states, "inputs": None, "point": None},
        ),
        "predict_sequences": (
            nc.predict_sequences,
            {
                "linearization": linear, "inputs": [rng.normal(size=(5, _D))], "starts": None,
                "point": None,
            },
        ),
        "word_effects": (
            nc.word_effects,
            {
                "linearization": linear, "embeddings": rng.normal(size=(6, _D)),
                "readout": np.ones(_H), "point": 0, "n_modes": 1,
            },
        ),
        "impulse_response": (
            nc.impulse_response,
            {
                "linearization": linear, "embeddings": rng.normal(size=(6, _D)),
                "readout": np.ones(_H), "n_steps": 4, "point": 0,
            },
        ),
        "context_effects": (nc.context_effects, {**context, "x": None, "delay": 1}),
        "context_decay": (nc.context_decay, {**context, "n_steps": 2, "x": None, "delay": 1}),
        "context_modes": (
            nc.context_modes,
            {
                "linearization": linear, "contexts": starts, "embeddings": rng.normal(size=(6, _D)),
                "readout": np.ones(_H), "point": 0,
            },
        ),
        "modifier_subspace": (
            nc.modifier_subspace,
            {"displacements": starts, "integration": np.ones(_H), "share": 0.9},
        ),
        "run_projected": (
            nc.run_projected,
            {
                "cell": gru, "inputs": [rng.normal(size=(5, _D))], "directions": np.ones(_H),
                "origin": None, "start": None,
            },
        ),
        "compare_accuracies": (
            nc.compare_accuracies,
            {"first": [True, False], "second": [True, True], "n_samples": 9, "seed": 0},
        ),
        "from_torch": (nc.from_torch, {"module": torch.nn.GRU(_D, _H), "dtype": "float64"}),
        "from_function": (
            nc.from_function,
            {
                "f": lambda h, x: h / 2 + x.sum(-1, keepdim=True), "n_states": _H, "n_inputs": _D,
                "bounds": None, "smooth": None, "dtype": "float64",
            },
        ),
        "from_module": (
            nc.from_module,
            {
                "module": torch.nn.GRU(_D, _H), "n_inputs": _D, "state": _H, "batch_first": None,
                "call": None, "native": False, "bounds": None, "smooth": None, "dtype": "float64",
            },
        ),
        "from_safetensors": (
            nc.from_safetensors,
            {"path": "none", "prefix": "", "kind": None, "nonlinearity": None, "dtype": "float64"},
        ),
    }  # fmt: skip


KINDS = tuple(_calls())


def judge(kind: str, number: int, seed: int, _: Path) -> str:
    """Call a function with odd arguments; the call of number 0 is right."""
    function, arguments = _calls()[kind]
    rng = random.Random(f"{seed} {kind} {number}")  # noqa: S311 - to be the same every time
    changed = {}
    for name in rng.sample(sorted(arguments), min(len(arguments), rng.choice((1, 1, 2)))):
        changed[name] = _odd(rng, arguments[name])
    chosen = {**arguments, **(changed if number else {})}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function(**chosen)
        except _documented(function) as error:
            return REFUSED if str(error) else f"no message: {type(error).__name__}"
        except Exception as error:  # noqa: BLE001 - it is what is looked for
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"
            shown = ", ".join(f"{name}={_shown(value)}" for name, value in changed.items())
            return f"undocumented exception: {said}{EXAMPLE}{shown}"
    return RIGHT


def _documented(function: Any) -> tuple[type[Exception], ...]:
    """Return ValueError, TypeError, and what a docstring's section Raises names."""
    text = re.search(r"(?s)Raises\n\s*-+\n(.*)", function.__doc__ or "")
    names = re.findall(r"\b[A-Z]\w+(?:Error|Exception)\b", text[1] if text else "")
    found = (getattr(builtins, name, None) for name in names)
    errors = [error for error in found if isinstance(error, type) and issubclass(error, Exception)]
    return (ValueError, TypeError, *errors)


def _odd(rng: random.Random, value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind == "f" and rng.random() < 0.3:
        return _with_odd_number(rng, value.astype(rng.choice(("f8", "f8", "f4"))))
    if rng.random() < 0.5:
        return rng.choice(_ODD)
    numbers = np.random.default_rng(rng.randrange(2**32)).normal(size=rng.choice(_SHAPES))
    if rng.random() < 0.3:
        numbers = _with_odd_number(rng, numbers)
    dtype = rng.choice(_DTYPES)
    with np.errstate(all="ignore"):
        array = (numbers.astype("i8") if dtype[0] == "M" else numbers).astype(dtype)
    array.setflags(write=rng.random() < 0.5)
    forms = (
        array.tolist(),
        np.asfortranarray(array)[::-1] if array.ndim else array,
        np.ma.masked_array(array, mask=True),
        array.astype(object),
    )
    return rng.choice((array, array, array, array, *forms))


def _with_odd_number(rng: random.Random, array: Any) -> Any:
    array = np.asarray(array)
    if array.size:
        with np.errstate(all="ignore"):
            array.flat[rng.randrange(array.size)] = rng.choice(_SPECIAL)
    return array


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        shape = f"{type(value).__name__} {value.dtype}{value.shape}"
        return shape if value.size > 3 else f"{shape} {value.tolist()!r}"
    return repr(value)[:80]
