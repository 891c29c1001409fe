"""The paper's example reviews, and the paths that they take through a network's layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from nullcline.study.layer_results import Walk
from nullcline.study.states import layer_states, split_layers
from nullcline.training.objective import probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline.study.pca import PrincipalComponents
    from nullcline.training import Checkpoint, SentimentRNN

POSITIVE_REVIEW = (
    "It is by far one of the best comic book adaptations ever. "
    "I liked this one even more than X-men."
)
NEGATIVE_REVIEW = (
    "First of all I hate those moronic rappers, who couldn't act if they had a gun pressed "
    "against their foreheads. All they do is curse and shoot each other and acting like "
    "cliché'e version of gangsters."
)
EXAMPLE_REVIEWS = ((POSITIVE_REVIEW, True), (NEGATIVE_REVIEW, False))
"""The paper's two example reviews, and whether they are of the last class or of the first."""


def example_walks(
    checkpoint: Checkpoint, model: SentimentRNN, components: Sequence[PrincipalComponents]
) -> list[tuple[Walk, ...]]:
    """Return for each layer the paths of the example reviews through its components."""
    by_review = [_walks(checkpoint, model, components, *example) for example in EXAMPLE_REVIEWS]
    return list(zip(*by_review, strict=True))


def _walks(
    checkpoint: Checkpoint,
    model: SentimentRNN,
    components: Sequence[PrincipalComponents],
    text: str,
    of_last_class: bool,
) -> list[Walk]:
    """Return the path of one review through each layer's first two components."""
    tokens = torch.from_numpy(checkpoint.encode(text))[None]
    layers = layer_states(model, split_layers(model.rnn), tokens)
    paths = [states[0].numpy() for _, states in layers]
    with torch.inference_mode():
        logits = model(tokens, torch.tensor([tokens.shape[1]]))
    return [
        Walk(
            tokens=tuple(checkpoint.tokens(text)),
            projection=layer_components.project(path),
            label=checkpoint.settings.classes - 1 if of_last_class else 0,
            probability=float(probabilities(logits)[0, -1]),
        )
        for path, layer_components in zip(paths, components, strict=True)
    ]
