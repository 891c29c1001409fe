"""Importing the package is light, and gives the front door."""

from __future__ import annotations

import json
import subprocess
import sys

import nullcline as nc

HEAVY = {
    "torch",
    "keras",
    "flax",
    "jax",
    "safetensors",
    "matplotlib",
    "sklearn",
    "pooch",
    "tqdm",
    "scipy.linalg",
    "scipy.spatial",
} | {
    f"nullcline.{part}"
    for part in ("text", "training", "study", "plotting", "compat", "cli", "_native._cuda")
}


def test_import_loads_nothing_heavy() -> None:
    script = "import json, sys, nullcline; print(json.dumps(sorted(sys.modules)))"
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True
    )
    assert not set(json.loads(ended.stdout)) & HEAVY


def test_the_front_door_shows_the_public_names() -> None:
    assert set(nc.__all__) == {
        "GRU",
        "LSTM",
        "MGU",
        "RNN",
        "UGRNN",
        "Attractors",
        "AllFixedPoints",
        "Attribution",
        "Bidirectional",
        "BifurcationPoint",
        "Certificates",
        "ClassGeometry",
        "Completeness",
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
        "LyapunovExponents",
        "ModuleCell",
        "LineAttractor",
        "LinearPrediction",
        "Linearization",
        "OriginalGRU",
        "PerturbationDecay",
        "RankCorrelation",
        "RateRNN",
        "ContextDecay",
        "ContextEffects",
        "ContextModes",
        "ModifierSubspace",
        "PairedAccuracy",
        "compare_accuracies",
        "context_decay",
        "context_effects",
        "context_modes",
        "modifier_subspace",
        "run_projected",
        "Sheet",
        "Stack",
        "SweepResult",
        "StoredPoints",
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
        "concatenate",
        "cuda",
        "enumerate_fixed_points",
        "explore",
        "find_attractors",
        "find_cycles",
        "find_all_fixed_points",
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
        "participation_ratio",
        "participation_ratio_of_variances",
        "perturbation_decay",
        "predict_next_states",
        "predict_sequences",
        "readout_angles",
        "settle",
        "slow_modes",
        "sweep",
        "search_to_store",
        "trace",
        "trace_sheet",
        "word_effects",
    }
    assert all(hasattr(nc, name) for name in nc.__all__)
    assert nc.__version__
    assert dir(nc) == sorted(nc.__all__)
