"""What a network is trained for: the cross-entropy of two classes, or of more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

if TYPE_CHECKING:
    from torch import Tensor


def loss(logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy in nats, its mean over the reviews or its "sum".

    Parameters
    ----------
    logits
        The logit of the second of two classes, shape (n,), or of each of K > 2, shape (n, K).
    labels
        The true classes, shape (n,), integers from 0 on.
    reduction
        "mean" or "sum".
    """
    if logits.ndim == 1:
        return binary_cross_entropy_with_logits(
            logits, labels.to(logits.dtype), reduction=reduction
        )
    return cross_entropy(logits, labels, reduction=reduction)


def probabilities(logits: Tensor) -> Tensor:
    """Return the probability of each class, shape (n, K)."""
    if logits.ndim == 1:
        return torch.stack([torch.sigmoid(-logits), torch.sigmoid(logits)], dim=1)
    return torch.softmax(logits, dim=1)


def predicted_classes(logits: Tensor) -> Tensor:
    """Return the class that the logits favour, shape (n,)."""
    return (logits > 0).long() if logits.ndim == 1 else logits.argmax(dim=1)
