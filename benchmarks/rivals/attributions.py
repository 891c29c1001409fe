"""What is asked today which words a classifier owes its verdict to: each as its users call it.

Every function returns one number per word, its share of the logit, and what the method itself says
that the shares add up to: the logit less that of its baseline.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.texts import Text

    Vector = NDArray[np.float64]

IG_STEPS = 50
"""The default of captum's integrated gradients."""


class Shares(NamedTuple):
    """One number per word, and what they and the baseline's logit are to add up to."""

    words: Vector
    error: float
    """|baseline + sum of shares − logit|."""


def gradient_times_input(text: Text, seed: int) -> Shares:
    """Return the first-order term at the text (Shrikumar et al. 2016), by captum."""
    del seed
    from captum.attr import InputXGradient

    found = InputXGradient(text.logits_of_embeddings).attribute(_leaf(text))
    return _of_embeddings(text, found)


def integrated_gradients(text: Text, seed: int) -> Shares:
    """Return gradients averaged from the zero input to the text (Sundararajan et al. 2017)."""
    del seed
    from captum.attr import IntegratedGradients

    method = IntegratedGradients(text.logits_of_embeddings)
    found = method.attribute(_leaf(text), n_steps=IG_STEPS, internal_batch_size=IG_STEPS)
    return _of_embeddings(text, found)


def leave_one_out(text: Text, seed: int) -> Shares:
    """Return what the logit loses with each word alone (Li, Monroe and Jurafsky 2016)."""
    del seed
    n = text.n_words
    without = text.logits_of_masks(~np.eye(n, dtype=bool))
    whole = text.logits_of_masks(np.ones((1, n), dtype=bool))[0]
    return _summed(text, whole - without)


def lime(text: Text, seed: int) -> Shares:
    """Return a local linear model's weights (Ribeiro et al. 2016), with its 5,000 samples."""
    from lime.lime_text import LimeTextExplainer

    words = [str(place) for place in range(text.n_words)]

    def predict(texts: list[str]) -> NDArray[np.float64]:
        kept = np.zeros((len(texts), text.n_words), dtype=bool)
        for row, rest in zip(kept, texts, strict=True):
            row[[int(place) for place in rest.split()]] = True
        logits = text.logits_of_masks(kept)
        return np.column_stack([-logits, logits])

    explainer = LimeTextExplainer(
        split_expression=r"\s+", bow=False, mask_string="", random_state=seed
    )
    found = explainer.explain_instance(" ".join(words), predict, num_features=text.n_words)
    shares = np.zeros(text.n_words)
    for place, weight in found.as_map()[1]:
        shares[place] = weight
    return Shares(shares, abs(float(found.intercept[1] + shares.sum()) - text.logit))


def kernel_shap(text: Text, seed: int) -> Shares:
    """Return Shapley values by weighted regression (Lundberg and Lee 2017), shap's defaults."""
    import shap

    np.random.seed(seed)  # noqa: NPY002 - the generator that it draws from
    explainer = shap.KernelExplainer(text.logits_of_masks, np.zeros((1, text.n_words)))
    shares = np.asarray(explainer.shap_values(np.ones((1, text.n_words)), silent=True))[0]
    return Shares(shares, abs(float(explainer.expected_value + shares.sum()) - text.logit))


def partition_shap(text: Text, seed: int) -> Shares:
    """Return Owen values over a tree of neighbouring words, as shap has for texts."""
    import shap
    from scipy.cluster.hierarchy import linkage

    del seed
    n = text.n_words
    if n == 1:
        return leave_one_out(text, 0)
    tree = linkage(np.arange(n, dtype=float)[:, None], "average")
    masker = shap.maskers.Partition(np.zeros((1, n)), clustering=tree)
    explainer = shap.explainers.Partition(text.logits_of_masks, masker)
    found = explainer(np.ones((1, n)), silent=True, max_evals=500)
    shares = np.asarray(found.values, float)[0]
    return Shares(shares, abs(float(np.ravel(found.base_values)[0] + shares.sum()) - text.logit))


def random_order(text: Text, seed: int) -> Shares:
    """Return shares drawn at random: what any method has to beat."""
    return _summed(text, np.random.default_rng(seed).normal(size=text.n_words))


METHODS: dict[str, Callable[[Text, int], Shares]] = {
    "gradient × input": gradient_times_input,
    "integrated gradients": integrated_gradients,
    "leave one out": leave_one_out,
    "LIME": lime,
    "Kernel SHAP": kernel_shap,
    "Partition SHAP": partition_shap,
    "random": random_order,
}


def _leaf(text: Text) -> torch.Tensor:
    return text.embeddings[None].clone().requires_grad_()


def _of_embeddings(text: Text, found: Any) -> Shares:
    shares = found.detach().numpy()[0].sum(axis=1).astype(np.float64)
    with torch.no_grad(), warnings.catch_warnings():
        baseline = float(text.logits_of_embeddings(torch.zeros_like(text.embeddings)[None])[0])
    return Shares(shares, abs(baseline + float(shares.sum()) - text.logit))


def _summed(text: Text, shares: Vector) -> Shares:
    """Return shares of a method whose baseline is the empty text."""
    empty = text.logits_of_masks(np.zeros((1, text.n_words), dtype=bool))[0]
    return Shares(shares, abs(float(empty + shares.sum()) - text.logit))
