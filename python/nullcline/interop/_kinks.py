"""Kinks and jumps of a function, as seen in the graph that autograd records of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_WITH_KINKS = frozenset(
    {
        *("Abs", "Clamp", "ClampMax", "ClampMin", "Hardshrink", "Hardsigmoid", "Hardswish"),
        *("Hardtanh", "LeakyRelu", "PreluKernel", "Relu", "RreluWithNoise", "Softshrink"),
        *("Threshold", "Amax", "Amin", "Aminmax", "Cummax", "Cummin", "Fmax", "Fmin", "Max"),
        *("Maximum", "MaxPool2DWithIndices", "Median", "Min", "Minimum", "Sort", "Topk"),
        *("Ceil", "Floor", "Fmod", "Frac", "Remainder", "Round", "Sign", "Trunc"),
    }
)
"""Operations of PyTorch whose value or first derivative jumps, as autograd names them."""


def has_kinks(tensor: torch.Tensor) -> bool:
    """Whether an operation with kinks took part in what autograd recorded of a tensor.

    What it cannot see: `torch.where`, comparisons, and functions that bring their own derivatives.
    """
    seen: set[Any] = set()
    ahead: list[Any] = [tensor.grad_fn]
    while ahead:
        node = ahead.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node.name().partition("Backward")[0] in _WITH_KINKS:
            return True
        ahead += [before for before, _ in node.next_functions]
    return False
