"""The paths that example reviews take through a network's layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from nullcline.study.layer_results import Walk
from nullcline.study.states import layer_states
from nullcline.training.objective import predicted_classes, probabilities
from nullcline.visits.unrolling import split_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nullcline._support.components import PrincipalComponents
    from nullcline.study.examples import Example
    from nullcline.training import Checkpoint, SentimentRNN


def example_walks(
    checkpoint: Checkpoint,
    model: SentimentRNN,
    components: Sequence[PrincipalComponents],
    examples: Sequence[Example],
) -> list[tuple[Walk, ...]]:
    """Return for each layer the paths of the example reviews through its components."""
    by_review = [_walks(checkpoint, model, components, example) for example in examples]
    return [tuple(walks) for walks in zip(*by_review, strict=True)] or [()] * len(components)


def _walks(
    checkpoint: Checkpoint,
    model: SentimentRNN,
    components: Sequence[PrincipalComponents],
    example: Example,
) -> list[Walk]:
    """Return the path of one review through each layer's first two components."""
    tokens = torch.from_numpy(checkpoint.encode(example.text))[None]
    layers = layer_states(model, split_layers(model.rnn), tokens)
    paths = [states[0].numpy() for _, states in layers]
    with torch.inference_mode():
        logits = model(tokens, torch.tensor([tokens.shape[1]]))
    return [
        Walk(
            tokens=tuple(checkpoint.tokens(example.text)) or ("",),  # read as an unknown word
            projection=layer_components.project(path),
            label=example.label,
            probability=float(probabilities(logits)[0, -1]),
            predicted=int(predicted_classes(logits)[0]),
            origin=example.origin,
        )
        for path, layer_components in zip(paths, components, strict=True)
    ]
