"""Fixed points of trained recurrent networks: found fast, in float64, and linearized."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline import cuda
from nullcline._support.deprecation import MovedModules
from nullcline._support.rooms import room
from nullcline._support.versions import own_version
from nullcline.attribution import Attribution, attribute
from nullcline.cells import (
    GRU,
    LSTM,
    MGU,
    RNN,
    UGRNN,
    FunctionCell,
    LeakyRNN,
    ModuleCell,
    OriginalGRU,
    RateRNN,
    Stack,
)
from nullcline.certify import Certificates, Tube, certify_curve
from nullcline.completeness import AllFixedPoints, find_all_fixed_points
from nullcline.context import (
    ContextDecay,
    ContextEffects,
    ContextModes,
    ModifierSubspace,
    PairedAccuracy,
    compare_accuracies,
    context_decay,
    context_effects,
    context_modes,
    modifier_subspace,
    run_projected,
)
from nullcline.continuation import (
    BifurcationPoint,
    Curve,
    FoldCurve,
    InputBranch,
    LineAttractor,
    Sheet,
    Trace,
    TrainingEvent,
    TrainingPath,
    fold_curve,
    follow_input,
    follow_training,
    measure_line_attractor,
    trace,
    trace_sheet,
)
from nullcline.cycles import (
    Attractors,
    Cycles,
    LyapunovExponents,
    find_attractors,
    find_cycles,
    lyapunov_exponents,
)
from nullcline.enumeration import Enumeration, enumerate_fixed_points
from nullcline.geometry import (
    ClassGeometry,
    IntrinsicDimension,
    PerturbationDecay,
    class_geometry,
    intrinsic_dimension,
    perturbation_decay,
    readout_angles,
    settle,
    slow_modes,
)
from nullcline.interactive import explore
from nullcline.interop import (
    Bidirectional,
    from_flax,
    from_function,
    from_jax,
    from_keras,
    from_module,
    from_safetensors,
    from_torch,
)
from nullcline.linearization import (
    DistanceBins,
    Linearization,
    LinearPrediction,
    RankCorrelation,
    WordEffects,
    concatenate,
    impulse_response,
    linearize,
    participation_ratio,
    participation_ratio_of_variances,
    predict_next_states,
    predict_sequences,
    word_effects,
)
from nullcline.search import Completeness, FixedPoints, find_fixed_points, layer_points
from nullcline.stores import StoredPoints, search_to_store
from nullcline.sweeps import Job, SweepResult, job_grid, sweep
from nullcline.visits import VisitedStates, collect_states

__all__ = [
    "GRU",
    "LSTM",
    "MGU",
    "RNN",
    "UGRNN",
    "AllFixedPoints",
    "Attractors",
    "Attribution",
    "Bidirectional",
    "BifurcationPoint",
    "Certificates",
    "ClassGeometry",
    "Completeness",
    "ContextDecay",
    "ContextEffects",
    "ContextModes",
    "Curve",
    "Cycles",
    "DistanceBins",
    "Enumeration",
    "FixedPoints",
    "FoldCurve",
    "FunctionCell",
    "InputBranch",
    "IntrinsicDimension",
    "Job",
    "LeakyRNN",
    "LineAttractor",
    "LinearPrediction",
    "Linearization",
    "LyapunovExponents",
    "ModifierSubspace",
    "ModuleCell",
    "OriginalGRU",
    "PairedAccuracy",
    "PerturbationDecay",
    "RankCorrelation",
    "RateRNN",
    "Sheet",
    "Stack",
    "StoredPoints",
    "SweepResult",
    "Trace",
    "TrainingEvent",
    "TrainingPath",
    "Tube",
    "VisitedStates",
    "WordEffects",
    "__version__",
    "attribute",
    "certify_curve",
    "class_geometry",
    "collect_states",
    "compare_accuracies",
    "concatenate",
    "context_decay",
    "context_effects",
    "context_modes",
    "cuda",
    "enumerate_fixed_points",
    "explore",
    "find_all_fixed_points",
    "find_attractors",
    "find_cycles",
    "find_fixed_points",
    "fold_curve",
    "follow_input",
    "follow_training",
    "from_flax",
    "from_function",
    "from_jax",
    "from_keras",
    "from_module",
    "from_safetensors",
    "from_torch",
    "impulse_response",
    "intrinsic_dimension",
    "job_grid",
    "layer_points",
    "linearize",
    "lyapunov_exponents",
    "measure_line_attractor",
    "modifier_subspace",
    "participation_ratio",
    "participation_ratio_of_variances",
    "perturbation_decay",
    "predict_next_states",
    "predict_sequences",
    "readout_angles",
    "run_projected",
    "search_to_store",
    "settle",
    "slow_modes",
    "sweep",
    "trace",
    "trace_sheet",
    "word_effects",
]

__version__ = own_version()

# Modules that had other names. None may be that of a function above.
MovedModules(
    {
        "nullcline.dimensionality": "nullcline.linearization.dimensionality",
        "nullcline.fixed_points": "nullcline.search.fixed_points",
        "nullcline.line_attractor": "nullcline.continuation.line_attractor",
        "nullcline.linear_prediction": "nullcline.linearization.prediction",
        "nullcline.paper": "nullcline.study",
        "nullcline.paper.dynamics_figures": "nullcline.plotting",
        "nullcline.paper.style": "nullcline.plotting.theme",
        "nullcline.stack": "nullcline.cells.stack",
        "nullcline.training.ugrnn": "nullcline.training.recurrent",
    },
    goes="0.3.0",
).install()


if not TYPE_CHECKING:  # type checkers know rooms that are imported, and would believe in any name

    def __getattr__(name: str) -> object:
        """Return a room, loaded when it is first asked for, such as `nullcline.plotting`."""
        return room(name)


def __dir__() -> list[str]:
    """Return the public names, and nothing else that importing them left here."""
    return sorted(__all__)
