"""What the analysis of one layer is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nullcline._support.components import PrincipalComponents
    from nullcline._support.validation import Floats
    from nullcline.cells import Cell
    from nullcline.search.fixed_points import FixedPoints
    from nullcline.study.dynamics import Words
    from nullcline.study.layer_results import Walk
    from nullcline.study.states import VisitedStates


@dataclass(frozen=True, eq=False)
class LayerMaterial:
    """What is known of a layer before its points are.

    Parameters
    ----------
    number
        Number of the layer, from 1.
    cell
        The layer.
    visited
        The states that it visits.
    components, untrained_components
        Principal components of these, and of those visited before training.
    walks
        The paths of the example reviews.
    reviews
        The layer's inputs in whole reviews, one array (T, D) each.
    readout
        The readout of its outputs, (H,); None unless it is the last layer.
    words
        The words that it reads; None unless it is the first layer.
    is_papers_cell
        Whether the layer is of the paper's cell, whose points the paper's method looks for, too.
    mean_input
        The mean of what it reads in the reviews, (D,).
    driven
        Its points where the layers below rest (`points_of_joint_stack`); None in the first layer.
    """

    number: int
    cell: Cell
    visited: VisitedStates
    components: PrincipalComponents
    untrained_components: PrincipalComponents
    walks: tuple[Walk, ...]
    reviews: Sequence[Floats]
    readout: NDArray[np.float64] | None
    words: Words | None
    is_papers_cell: bool
    mean_input: NDArray[np.float64]
    driven: FixedPoints | None
