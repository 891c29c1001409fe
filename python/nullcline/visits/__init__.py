"""The states that a PyTorch model visits as it runs, and what led to each of them."""

from nullcline.visits.collecting import collect_states
from nullcline.visits.states import VisitedStates

__all__ = ["VisitedStates", "collect_states"]
