"""`explain`: texts in, one explanation for each out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from tqdm import tqdm

from nullcline.attribution import attribute
from nullcline.explanation.account import BagOpinion, LayerPath
from nullcline.explanation.backdrop import Background, load_background
from nullcline.explanation.changed_words import WordChange, logits_without, opposed_words
from nullcline.explanation.layer_background import LayerBackground, layer_background
from nullcline.explanation.network import Network, margins, probabilities
from nullcline.explanation.passages import find_passages
from nullcline.explanation.result import Explanation
from nullcline.explanation.turning import find_turn
from nullcline.text import tokenize
from nullcline.text.places import token_places
from nullcline.training import Checkpoint, load_checkpoint

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from nullcline._support.validation import Floats
    from nullcline.attribution import Attribution
    from nullcline.explanation.network import Contrast

UNKNOWN = "<unk>"
"""What stands for the word of a text that has none."""

REPLACED = 10
"""Words of a text that are replaced: those with the largest shares of the verdict."""

OPPOSED = 6
"""Words that stand in for each of them."""

PATH_STARTS = 200
"""States of a path that a search starts from where no others are at hand."""


def explain(
    checkpoint: Checkpoint | str | os.PathLike[str],
    texts: str | Sequence[str],
    *,
    labels: Sequence[int | None] | None = None,
    background: Background | Literal["kept"] | None = "kept",
    target: int | str | None = None,
    against: int | str | None = None,
    replacements: Sequence[str] | None = None,
    changes: bool = True,
    progress: bool = False,
) -> list[Explanation]:
    """Return why a network said what it did, for each of some texts.

    The shares of the words are those of `nullcline.attribute`, along the trajectory of the text
    against one that rests at a fixed point: they and the share of the start add up to the logit's
    change exactly. What a change of one word would do is computed by reading the changed text.

    Parameters
    ----------
    checkpoint
        A finished training run (`nullcline.training.load_checkpoint`), or its folder.
    texts
        The texts, or one.
    labels
        The true class of each, a number, or None where it is not known.
    background
        Visited states, points and a bag of words (`background_of`). "kept" takes those that are
        kept beside the checkpoint, if they are. With None, or where none are kept, the plane and
        the points are found from each text's own path, and no bag of words has an opinion.
    target
        The class whose logit is explained, its name or number, with more than two classes. None
        takes the one that the network favours, text by text. Two classes share one logit.
    against
        The class that it is set against, likewise. None takes the mean of all others.
    replacements
        Words to try in place of others. None takes those common words that, read alone, speak most
        against the verdict.
    changes
        Whether to try changes of one word at all: their number is that of the words.
    progress
        Show a progress bar.

    Returns
    -------
    list of Explanation
        One for each text.

    Raises
    ------
    CheckpointError
        The folder holds no finished run, or a damaged one.
    TypeError, ValueError
        An argument has the wrong type or value, such as a class that there is not.
    """
    found = checkpoint if isinstance(checkpoint, Checkpoint) else load_checkpoint(checkpoint)
    texts = [texts] if isinstance(texts, str) else _strings(texts)
    explainer = _Explainer(found, background, replacements, changes=changes)
    wanted = explainer.class_number("target", target), explainer.class_number("against", against)
    if wanted[0] is not None and wanted[0] == wanted[1]:
        raise ValueError(f"against must be another class than {against!r}, which is explained")
    true = explainer.labels(labels, len(texts))
    bar = tqdm(texts, desc="explain", unit="text", disable=not progress)
    return [explainer.explain(text, label, *wanted) for text, label in zip(bar, true, strict=True)]


def _strings(texts: Iterable[object]) -> list[str]:
    strings = []
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"texts must be strings, not {type(text).__name__}")
        strings.append(text)
    return strings


class _Explainer:
    """What all texts share."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        background: Background | Literal["kept"] | None,
        replacements: Sequence[str] | None,
        *,
        changes: bool,
    ) -> None:
        self.checkpoint = checkpoint
        self.network = Network(checkpoint)
        self.background = load_background(checkpoint) if background == "kept" else background
        if self.background is not None and not self.background.is_of(checkpoint):
            raise ValueError(
                "background must be of the network that is explained: make it by "
                "background_of(checkpoint, corpus)"
            )
        self.classes = self._classes()
        self.replacements = None if replacements is None else self._known(replacements)
        self.changes = changes
        self.rest: tuple[Floats, ...] | None = None

    def _classes(self) -> tuple[str, ...]:
        if self.background is not None:
            return self.background.classes
        n = self.checkpoint.settings.n_classes
        return ("negative", "positive") if n == 2 else tuple(f"class {k}" for k in range(n))

    def _known(self, words: Sequence[str]) -> list[str]:
        if isinstance(words, str):
            raise TypeError("replacements must be a list of words, not one string")
        unknown = [word for word in words if word not in self.checkpoint.vocabulary]
        if unknown:
            raise ValueError(
                f"replacements must be words of the network's vocabulary, and {unknown[0]!r} is not"
            )
        return list(words)

    def class_number(self, name: str, value: int | str | None) -> int | None:
        """Return the number of a class that a user named."""
        if value is None:
            return None
        if isinstance(value, str) and value in self.classes:
            return self.classes.index(value)
        number = int(value) if isinstance(value, str) and value.isdecimal() else value
        if isinstance(number, int) and 0 <= number < len(self.classes):
            return number
        listed = ", ".join(f"{k} ({known})" for k, known in enumerate(self.classes))
        raise ValueError(f"{name} must be one of {listed}, not {value!r}")

    def labels(self, labels: Sequence[int | None] | None, n: int) -> list[int | None]:
        """Return one label for each text."""
        if labels is None:
            return [None] * n
        if len(labels) != n:
            raise ValueError(f"labels must have one entry for each of {n} texts, not {len(labels)}")
        return [self.class_number("labels", label) for label in labels]

    def explain(
        self, text: str, label: int | None, target: int | None, against: int | None
    ) -> Explanation:
        """Explain one text."""
        network = self.network
        tokens, places, unread = self._tokens(text)
        words = self.checkpoint.encode(text)
        states = network.path(words)
        logits = network.logits(states)
        predicted = int(logits[-1].argmax())
        target = predicted if target is None else target
        contrast = network.contrast(self.classes, target, None if against == target else against)
        found = self._attribute(words, contrast)
        return Explanation(
            text=text,
            tokens=tokens,
            places=places,
            known=words_known(self.checkpoint, tokens),
            unread=unread,
            classes=self.classes,
            label=label,
            predicted=predicted,
            target=contrast.target,
            towards=contrast.towards,
            against=contrast.against,
            logits=logits @ contrast.mix,
            probabilities=probabilities(logits)[:, contrast.target],
            verdicts=logits.argmax(axis=1),
            shares=found.shares,
            at_once=found.at_once,
            start=float(found.start),
            baseline=float(found.baseline_logit),
            baseline_kind=found.baseline_kind,
            error=float(found.error),
            turn=find_turn(logits),
            layers=self._layers(states, contrast),
            changes=self._changes(words, found.shares, logits[-1], contrast),
            bag=self._bag(words, contrast),
        )

    def _attribute(self, words: NDArray[np.int64], contrast: Contrast) -> Attribution:
        """Return each word's share; where the network rests is found for the first text alone."""
        found = attribute(
            self.network.cells,
            self.network.embedding[words],
            contrast.weights,
            intercept=contrast.bias,
            baseline=self.rest,
        )
        self.rest = found.baseline
        return found

    def _tokens(self, text: str) -> tuple[tuple[str, ...], NDArray[np.int64], int]:
        """Return the tokens that are read, their places, and how many before them are not."""
        n_all = len(tokenize(text))
        tokens = self.checkpoint.tokens(text)
        if not tokens:
            return (UNKNOWN,), np.zeros((1, 2), np.int64), 0
        unread = n_all - len(tokens)
        return tuple(tokens), np.array(token_places(text)[unread:], np.int64), unread

    def _layers(
        self, states: list[NDArray[np.float64]], contrast: Contrast
    ) -> tuple[LayerPath, ...]:
        return tuple(
            self._layer(number, path, contrast if number == len(states) else None)
            for number, path in enumerate(states, 1)
        )

    def _layer(
        self, number: int, path: NDArray[np.float64], contrast: Contrast | None
    ) -> LayerPath:
        """Return the path in a layer's plane, and what it passed."""
        known = self._known_of(number, path)
        said = None
        if contrast is not None:
            said = known.h[:, : len(contrast.weights)] @ contrast.weights + contrast.bias
        return LayerPath(
            number=number,
            path=known.project(path),
            plane="this path" if self.background is None else "visited states",
            explained=known.explained,
            cloud=known.cloud,
            cloud_labels=known.cloud_labels,
            points=known.project(known.h),
            kinds=known.kind,
            counts=known.count,
            time_constants=known.time_constants,
            said=said,
            passages=find_passages(path[1:], known.h, known.radius),
        )

    def _known_of(self, number: int, path: NDArray[np.float64]) -> LayerBackground:
        """Return what is known of a layer; without a background, what its path alone tells."""
        if self.background is not None:
            return self.background.layers[number - 1]
        rows = np.unique(np.linspace(0, len(path) - 1, PATH_STARTS).round().astype(int))
        return layer_background(self.network.cells[number - 1], path, path[rows])

    def _changes(
        self,
        words: NDArray[np.int64],
        shares: NDArray[np.float64],
        final: NDArray[np.float64],
        contrast: Contrast,
    ) -> tuple[WordChange, ...]:
        """Try every word's removal, and other words in place of those that made the verdict."""
        if not self.changes:
            return ()
        predicted = int(final.argmax())
        tried = self._tried(words, shares, predicted, contrast)
        logits = logits_without(
            self.network,
            words,
            range(len(words)),
            [(place, number) for place, _, number in tried if number is not None],
        )
        margin = margins(final[None], predicted)[0]
        told = probabilities(logits)[:, contrast.target]
        said = logits @ contrast.mix
        moved = margin - margins(logits, predicted)
        return tuple(
            WordChange(
                word=place,
                replacement=other,
                logit=float(said[i]),
                probability=float(told[i]),
                predicted=int(logits[i].argmax()),
                moved=float(moved[i]),
                flips=bool(logits[i].argmax() != predicted),
            )
            for i, (place, other, _) in enumerate(tried)
        )

    def _tried(
        self,
        words: NDArray[np.int64],
        shares: NDArray[np.float64],
        predicted: int,
        contrast: Contrast,
    ) -> list[tuple[int, str | None, int | None]]:
        """Return what to try: a place, and what stands there instead, with its number, or None."""
        for_verdict = self.network.contrast(self.classes, predicted).weights
        if len(self.classes) == 2 and predicted == 0:
            for_verdict = -for_verdict
        others = self.replacements
        if others is None:
            others = opposed_words(self.network, self.checkpoint.vocabulary, for_verdict, OPPOSED)
        sign = np.sign(for_verdict @ contrast.weights)
        places = np.argsort(-sign * shares, kind="stable")[:REPLACED].tolist()
        numbers = self.checkpoint.vocabulary.encode(others).tolist()
        return [
            *((place, None, None) for place in range(len(words))),
            *(
                (place, other, number)
                for place in sorted(places)
                for other, number in zip(others, numbers, strict=True)
                if number != words[place]
            ),
        ]

    def _bag(self, words: NDArray[np.int64], contrast: Contrast) -> BagOpinion | None:
        known = self.background
        if known is None:
            return None
        weights = known.bag_weights[:, words]
        logits = weights.sum(axis=1) + known.bag_intercept
        return BagOpinion(
            weights=contrast.mix @ weights,
            logit=float(contrast.mix @ logits),
            probability=float(probabilities(logits[None])[0, contrast.target]),
            predicted=int(logits.argmax()),
            accuracy=known.bag_accuracy,
        )


def words_known(checkpoint: Checkpoint, tokens: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which tokens are in the network's vocabulary."""
    special = checkpoint.vocabulary.words[:2]
    return np.array([t in checkpoint.vocabulary and t not in special for t in tokens])
