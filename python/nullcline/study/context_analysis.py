"""The analysis of modifiers in one network, after Maheswaranathan and Sussillo (ICML 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline.cells import Stack
from nullcline.context import (
    compare_accuracies,
    context_decay,
    context_effects,
    context_modes,
    modifier_subspace,
    run_projected,
)
from nullcline.interop import from_torch
from nullcline.linearization.linear_map import linearize
from nullcline.study.context_results import Ablation, ContextAnalysis
from nullcline.study.modifiers import KINDS, modifiers_of
from nullcline.study.states import sample_states
from nullcline.text import UNK
from nullcline.training.bag_in_context import fit_bag_in_context
from nullcline.training.bag_of_words import fit_bag_of_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from nullcline.cells import Cell
    from nullcline.context import ModifierSubspace
    from nullcline.linearization.linear_map import Linearization
    from nullcline.study.modifiers import Modifiers
    from nullcline.study.settings import AnalysisSettings
    from nullcline.text import Corpus
    from nullcline.training import Checkpoint, SentimentRNN
    from nullcline.training.bag_in_context import BagInContext
    from nullcline.training.bag_of_words import BagOfWords
    from nullcline.training.batches import EncodedReviews

    Array = NDArray[np.float64]

N_VALENCE = 50
"""Common words of the largest bag-of-words weights, of either sign, whose effects are looked at.

At most, and not more than a quarter of the common words of either sign.
"""

N_OTHERS = 200
"""Most common words, but for modifiers, that modifiers are set beside."""

N_ORIGINS = 200
"""Visited states of which one is the origin."""

SETTLING = 20
"""Neutral steps from a visited state to the origin.

Long enough for what a word leaves off the line to fade, and too short to go far along it: tried on
GRUs of 64 and 256 units and on an LSTM on SST, which has gone to the line's end after 60.
"""

DELAY = 5
"""Neutral steps from a word to the readout of what it does, by when most of that is what lasts."""

N_STEPS = 40
"""Neutral steps along which a modifier's effect is followed."""

SHARE = 0.9
"""Of the modifiers' displacements, what their subspace explains."""

N_CONTROLS = 8
"""Subspaces of other words, and random ones, that are projected out in place of the modifiers'."""

REACH = 3
"""Words after a modifier that have a weight of their own in the bag of words in context."""


def analyse_context(
    checkpoint: Checkpoint,
    corpus: Corpus,
    settings: AnalysisSettings,
    *,
    model: SentimentRNN | None = None,
    bag: BagOfWords | None = None,
    in_context: BagInContext | None = None,
    chosen: Mapping[str, Sequence[str]] | None = None,
) -> ContextAnalysis | None:
    """Measure what modifiers do to the words after them, for how long, and at what price.

    Contexts start from an undecided state at rest: of visited states left alone for `SETTLING`
    steps, the one whose readout, intercept included, is nearest to 0. After it the network reads a
    modifier, or, beside that, the neutral input, zero. The layers are one cell, a `Stack`.

    Parameters
    ----------
    checkpoint, corpus
        The network, and what it was trained on.
    settings
        What to draw.
    model, bag, in_context
        The network, and the bags of words beside it, where they are there already.
    chosen
        Modifiers by kind; those of `nullcline.study.modifiers` by default.

    Returns
    -------
    ContextAnalysis or None
        None where the vocabulary has no modifier, as that of the language without them.

    Raises
    ------
    ValueError
        `chosen` names no word, or one that the network does not know.
    """
    modifiers = modifiers_of(checkpoint.vocabulary, chosen)
    common = np.arange(UNK + 1, min(UNK + 1 + settings.n_words, len(checkpoint.vocabulary)))
    others = common[~np.isin(common, modifiers.rows)]
    if not modifiers.words or not len(others):
        return None
    checkpoint.require_corpus(corpus)
    model = checkpoint.model() if model is None else model
    bag = fit_bag_of_words(checkpoint, corpus) if bag is None else bag
    network = _Network.of(model)
    reviews = checkpoint.reviews(corpus, settings.split)
    origin = _origin(network, model, reviews, settings.seed)
    valence = _valence_words(bag.contrast, others)
    measures = _Measures(network, origin, modifiers, valence, others[:N_OTHERS])
    subspace, line = measures.subspace()
    if in_context is None:
        in_context = bag_in_context(checkpoint, corpus, modifiers)
    return ContextAnalysis(
        modifiers=modifiers.words,
        kinds=modifiers.kinds,
        missing=modifiers.missing,
        words=tuple(checkpoint.vocabulary.words[row] for row in valence),
        delay=DELAY,
        origin_logit=float(origin @ network.readout),
        **measures.effects(),
        **measures.fading(),
        explained=subspace.explained_variance_ratio,
        dimension=subspace.dimension,
        along_line=subspace.along_line,
        ablations=_ablations(measures, subspace, line, reviews, settings),
        bag_accuracy=bag.test_accuracy,
        bag_in_context_accuracy=in_context.test_accuracy,
        network_accuracy=checkpoint.test_accuracy,
    )


def bag_in_context(checkpoint: Checkpoint, corpus: Corpus, modifiers: Modifiers) -> BagInContext:
    """Fit the bag of words in which negators and intensifiers act on the next words."""
    groups = [modifiers.of_kind(kind) for kind in KINDS]
    return fit_bag_in_context(checkpoint, corpus, groups, reach=REACH)


@dataclass(frozen=True, eq=False)
class _Network:
    """A network as one cell, in float64 and, for whole reviews, in float32."""

    cell: Cell
    fast: Cell
    embedding: Array
    readouts: Array
    """Of the joint state, (1, S) for two classes or (K, S)."""
    intercepts: Array

    @classmethod
    def of(cls, model: SentimentRNN) -> _Network:
        cell, fast = (_joint(from_torch(model.rnn, dtype=its)) for its in (np.float64, np.float32))
        weights = model.readout.weight.detach().double().numpy()
        layers = from_torch(model.rnn)
        begin = sum(layer.state_size for layer in layers[:-1])
        readouts = np.zeros((len(weights), cell.state_size))
        readouts[:, begin : begin + weights.shape[1]] = weights
        return cls(
            cell,
            fast,
            embedding=model.embedding.weight.detach().double().numpy(),
            readouts=readouts,
            intercepts=model.readout.bias.detach().double().numpy(),
        )

    @property
    def readout(self) -> Array:
        """The readout of the last class against the first, (S,)."""
        contrast: Array = self.readouts[-1] - (0 if len(self.readouts) == 1 else self.readouts[0])
        return contrast

    @property
    def intercept(self) -> float:
        last = self.intercepts[-1]
        return float(last - (0 if len(self.intercepts) == 1 else self.intercepts[0]))

    def classes_of(self, states: Array) -> NDArray[np.int64]:
        """Return the class that each state is read as."""
        logits = states @ self.readouts.T + self.intercepts
        if logits.shape[1] == 1:
            return (logits[:, 0] > 0).astype(np.int64)
        return np.asarray(logits.argmax(axis=1), np.int64)


def _joint(layers: list[Any]) -> Any:
    return layers[0] if len(layers) == 1 else Stack(layers)


def _origin(network: _Network, model: SentimentRNN, reviews: EncodedReviews, seed: int) -> Array:
    """Return the undecided state at rest, (S,)."""
    layers = sample_states(model, reviews, n_sample=N_ORIGINS, seed=seed)
    states: Any = np.concatenate([each.sample for each in layers], axis=1).astype(np.float64)
    for _ in range(SETTLING):
        states = network.cell.step(states)
    undecided = np.argmin(np.abs(states @ network.readout + network.intercept))
    return np.asarray(states[undecided], np.float64)


def _valence_words(weights: Array, common: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the common words of the most negative weights, and of the most positive ones."""
    of_sign = min(N_VALENCE, max(len(common) // 4, 1))
    ranked = common[np.argsort(weights[common], kind="stable")]
    return np.concatenate([ranked[:of_sign], ranked[-of_sign:]])


class _Measures:
    """What modifiers and other words do at the origin."""

    def __init__(
        self,
        network: _Network,
        origin: Array,
        modifiers: Modifiers,
        valence: NDArray[np.int64],
        others: NDArray[np.int64],
    ) -> None:
        cell, words = network.cell, network.embedding
        self.network = network
        self.modifiers = modifiers
        self.n_modifiers = len(modifiers.words)
        self.origin = cell.step(origin[None])[0]  # where "neutral" leads, as "not" to its context
        self.after = cell.step(np.tile(origin, (self.n_modifiers, 1)), words[list(modifiers.rows)])
        self.others = cell.step(np.tile(origin, (len(others), 1)), words[others])
        self.words = words[valence]

    def effects(self) -> dict[str, Any]:
        """Return what modifiers, other words and the start make of the words of valence."""
        n = self.n_modifiers
        start = np.zeros((1, self.network.cell.state_size))
        contexts = np.concatenate([self.after, self.others, start])
        given = (self.network.cell, contexts, self.words, self.network.readout, self.origin)
        later, at_once = context_effects(*given, delay=DELAY), context_effects(*given)
        slopes = later.slopes(exact=True)
        change = at_once.exact_change[:n]
        unexplained, total = ((change - at_once.change[:n]) ** 2).sum(), (change**2).sum()
        return {
            "plain": later.exact_plain,
            "modified": later.exact_modified[:n],
            "linear_plain": at_once.plain,
            "linear_modified": at_once.modified[:n],
            "slopes": slopes[:n],
            "slopes_at_once": at_once.slopes()[:n],
            "linear_r2": 1 - float(unexplained / total) if total else float("nan"),
            "other_slopes": slopes[n:-1],
            "start_slope": float(slopes[-1]),
            "told_apart": _told_apart(later.exact_size[:n], later.exact_size[n:-1]),
        }

    def fading(self) -> dict[str, Any]:
        """Return for how long modifiers act, and through which modes."""
        decay = context_decay(
            self.network.cell,
            self.after,
            self.words,
            self.network.readout,
            self.origin,
            n_steps=N_STEPS,
            delay=DELAY,
        )
        return {
            "decay": decay.share,
            "half_lives": decay.half_life,
            "carriers": self._carriers(),
            "slowest": float(self.linearization.time_constants[0, 0]),
        }

    def _carriers(self) -> Array:
        """Return the time constant of the mode off the line that carries most of each modifier."""
        if np.isnan(self.linearization.left).any():  # nothing can be split into defective modes
            return np.full(self.n_modifiers, np.nan)
        modes = context_modes(self.linearization, self.after, self.words, self.network.readout)
        off_line = np.where(np.arange(modes.size.shape[1]) < self.n_slowest, 0, modes.size)
        return np.asarray(modes.time_constants[np.argmax(off_line, axis=1)])

    @cached_property
    def linearization(self) -> Linearization:
        """The linear map at the origin, its slowest mode first."""
        return linearize(self.network.cell, self.origin[None]).by_time_constant()

    @property
    def n_slowest(self) -> int:
        """How many modes are slowest: a real one, or a pair."""
        return 1 if self.linearization.eigenvalues[0, 0].imag == 0 else 2

    def subspace(self) -> tuple[ModifierSubspace, Array]:
        """Return the modifiers' subspace, and the line that was left out of it, (m, S)."""
        slowest = self.linearization.right[0, :, 0]
        line = np.array([part for part in (slowest.real, slowest.imag) if np.abs(part).max() > 0])
        return modifier_subspace(self.after - self.origin, line, share=SHARE), line


def _told_apart(modifiers: Array, others: Array) -> float:
    """Return how often a modifier's size is above another word's; ties count half."""
    difference = modifiers[:, None] - others
    return float((difference > 0).mean() + (difference == 0).mean() / 2)


def _ablations(
    measures: _Measures,
    subspace: ModifierSubspace,
    line: Array,
    reviews: EncodedReviews,
    settings: AnalysisSettings,
) -> tuple[Ablation, ...]:
    """Return what it costs to project the modifiers' subspace out, beside others."""
    generator = np.random.default_rng([settings.seed, 2020])
    rows = generator.permutation(len(reviews))[: settings.n_context_reviews]
    texts = [reviews.indices[row] for row in rows]
    labels = reviews.labels[rows]
    whole = _is_right(measures, texts, labels, None)
    without = _is_right(measures, texts, labels, subspace.basis())
    dimension = subspace.dimension
    controls = {
        "other_words": [
            _is_right(measures, texts, labels, _of_others(measures, dimension, line, generator))
            for _ in range(N_CONTROLS)
        ],
        "random": [
            _is_right(measures, texts, labels, _at_random(dimension, line, generator))
            for _ in range(N_CONTROLS)
        ],
    }
    modified = np.array([bool(np.isin(text, measures.modifiers.rows).any()) for text in texts])
    return tuple(
        Ablation(
            name,
            compare_accuracies(whole[chosen], without[chosen], seed=settings.seed),
            **{kind: tuple(float(r[chosen].mean()) for r in its) for kind, its in controls.items()},
        )
        for name, chosen in (("with modifiers", modified), ("without", ~modified))
        if chosen.any()
    )


def _of_others(
    measures: _Measures, dimension: int, line: Array, generator: np.random.Generator
) -> Array:
    """Return as many directions, made of as many other words as there are modifiers."""
    n = min(measures.n_modifiers, len(measures.others))
    drawn = generator.choice(len(measures.others), n, replace=False)
    moved = modifier_subspace(measures.others[drawn] - measures.origin, line)
    return moved.directions[:dimension]


def _at_random(dimension: int, line: Array, generator: np.random.Generator) -> Array:
    """Return as many directions drawn at random, at right angles to the line."""
    drawn = generator.normal(size=(max(dimension, 1), line.shape[1]))
    return modifier_subspace(drawn, line).directions[:dimension]


def _is_right(
    measures: _Measures,
    texts: Sequence[NDArray[np.int64]],
    labels: NDArray[np.int64],
    directions: Array | None,
) -> NDArray[np.bool_]:
    """Return which reviews the network gets right with these directions projected out."""
    network = measures.network
    vectors = network.embedding.astype(np.float32)
    states = run_projected(
        network.fast,
        [vectors[text] for text in texts],
        directions,
        origin=measures.origin.astype(np.float32),
    )
    right: NDArray[np.bool_] = network.classes_of(states.astype(np.float64)) == labels
    return right
