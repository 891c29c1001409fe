"""What a context does to the inputs after it: how it changes what they mean, and for how long."""

from nullcline.context.carriers import ContextModes, context_modes
from nullcline.context.decay import ContextDecay, context_decay
from nullcline.context.effects import ContextEffects, context_effects
from nullcline.context.paired import PairedAccuracy, compare_accuracies
from nullcline.context.projected_runs import run_projected
from nullcline.context.subspace import ModifierSubspace, modifier_subspace

__all__ = [
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
]
