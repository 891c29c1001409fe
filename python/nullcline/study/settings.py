"""What an analysis draws and searches: the study's settings as defaults, in one frozen record."""

from __future__ import annotations

from dataclasses import dataclass, field

from nullcline._support.validation import tolerance, whole_number
from nullcline.search.problem import METHODS
from nullcline.training.settings import SPLITS


@dataclass(frozen=True)
class AnalysisSettings:
    """What is drawn and searched; the defaults are the paper's.

    Parameters
    ----------
    n_starts
        Visited states, drawn at random, that the search starts from.
    split
        Reviews whose states are analysed. One of `nullcline.training.SPLITS`.
    n_sample
        States that stand for the cloud in figures and in distances to it.
    n_reviews
        Reviews, drawn at random, that the linear maps read from beginning to end.
    n_words
        Words, the most common ones, whose effects are compared with their weights.
    n_context_reviews
        Reviews, drawn at random, that are read without the modifiers' subspace; 0 leaves the
        analysis of modifiers out.
    method
        Solver, as in `nullcline.find_fixed_points`.
    tol_unique
        Distance in every coordinate within which points are merged.
    tol_slow
        Largest q of a slow point. The default is larger than that of
        `nullcline.find_fixed_points`: a ghost is told from a fixed point by what it is, a minimum
        of q that is not zero, and not by how slow it is. At 1e-3 a unit moves by 0.03 per step,
        root mean square.
    seed
        Seed of all that is drawn.
    n_threads
        Threads of the search. None takes all cores.
    snapshot
        Step of Adam after which the weights are analysed, of a run that kept them
        (`TrainingSettings.snapshot_steps`); 0 before the first one. None stands for the best epoch.

    Raises
    ------
    ValueError
        A value is out of its range.
    """

    n_starts: int = field(default=500, metadata={"flag": "--starts"})
    split: str = field(default="test", metadata={"choices": SPLITS})
    n_sample: int = field(default=5000, metadata={"flag": "--sample"})
    n_reviews: int = field(default=200, metadata={"flag": "--reviews"})
    n_words: int = field(default=1000, metadata={"flag": "--words"})
    n_context_reviews: int = field(default=1000, metadata={"flag": "--context-reviews"})
    method: str = field(default="auto", metadata={"choices": METHODS})
    tol_unique: float = 1e-3
    tol_slow: float = 1e-3
    seed: int = 0
    n_threads: int | None = field(default=None, metadata={"flag": "--threads"})
    snapshot: int | None = None

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {self.split!r}")
        for name in ("n_starts", "n_sample", "n_reviews", "n_words"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.n_context_reviews < 0:
            raise ValueError(f"n_context_reviews must be 0 or more, not {self.n_context_reviews}")
        # What the search would refuse is refused now, not after hours of training.
        for name in ("tol_unique", "tol_slow"):
            tolerance(name, getattr(self, name))
        if self.n_threads is not None:
            whole_number("n_threads", self.n_threads, 1)
        if self.snapshot is not None:
            whole_number("snapshot", self.snapshot, 0)
