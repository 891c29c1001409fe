"""An explanation as an HTML page: one file, which needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nullcline._support.files import write_text
from nullcline._support.shown import in_one_line
from nullcline.explanation import wording
from nullcline.explanation.pictures import HEIGHT, LINE_HEIGHT, WIDTH, course_of, plane_of
from nullcline.explanation.showing import NO_WORD, harmless, shown_words, unread_text

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from jinja2 import Template
    from numpy.typing import NDArray

    from nullcline.explanation.account import Account, LayerPath

MARK = "nullcline explain"
"""By this name, in its head, a page is known to be one of ours."""

_HEAD = 2000
"""Characters of a file in which the mark is looked for."""

BEGINNING = 60
"""Characters of a text by which it is known in the list of texts."""

CHANGES = 12
"""Changes of one word in the table, at most."""


def write_page(
    explanations: Sequence[Account], path: str | os.PathLike[str], *, title: str | None = None
) -> Path:
    """Write explanations as one HTML page that needs no other file and no network.

    Parameters
    ----------
    explanations
        One or more.
    path
        The page. A page of this kind that is there is replaced, and no other file.
    title
        What the page is called; the verdict by default.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    FileExistsError
        There is another file, which is no such page.
    ValueError
        There is nothing to write.
    """
    if not explanations:
        raise ValueError("explanations must be one or more")
    target = Path(path)
    require_own(target)
    parts = [_part(number, explanation) for number, explanation in enumerate(explanations, 1)]
    page = _template().render(
        mark=MARK,
        title=title or (parts[0]["verdict"] if len(parts) == 1 else f"{len(parts)} texts"),
        parts=parts,
        width=WIDTH,
        height=HEIGHT,
        line_height=LINE_HEIGHT,
    )
    write_text(target, page)
    return target


def require_own(path: Path) -> None:
    """Raise `FileExistsError` if `path` is a file that is no page of this kind."""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if f'content="{MARK}"'.encode() not in head:
            raise FileExistsError(
                f"{path} is there already, and is no page of explanations; choose another by out"
            )


def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("nullcline.explanation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["signed"] = wording.signed
    return environment.get_template("explanation.html")


def _part(number: int, explanation: Account) -> dict[str, Any]:
    """Return what the page says of one text."""
    return {
        "number": number,
        "beginning": in_one_line(harmless(explanation.text), BEGINNING),
        "verdict": harmless(explanation.verdict),
        "verdict_line": wording.verdict_line(explanation),
        "right": explanation.is_right,
        "logit_line": wording.logit_line(explanation),
        "turn_line": wording.turn_line(explanation),
        "bag_line": wording.bag_line(explanation),
        "towards": harmless(explanation.towards),
        "against": harmless(explanation.against),
        "notes": explanation.notes,
        "unread": unread_text(explanation),
        "words": _words(explanation),
        "has_bag": explanation.bag is not None,
        "course": course_of(explanation),
        "turn": None if explanation.turn is None else explanation.turn.word,
        "layers": [_layer(explanation, layer) for layer in explanation.layers],
        "n_layers": len(explanation.layers),
        "changes": _changes(explanation),
        "tried": len(explanation.changes),
        "logit": explanation.logit,
        "probability": float(explanation.probabilities[-1]),
    }


def _words(explanation: Account) -> list[dict[str, Any]]:
    bag = None if explanation.bag is None else explanation.bag.weights
    own, of_bag = _parts(explanation.shares), None if bag is None else _parts(bag)
    turned = None if explanation.turn is None else explanation.turn.word
    return [
        {
            "before": shown.before,
            "word": shown.word,
            "share": float(explanation.shares[i]),
            "part": own[i],
            "known": bool(explanation.known[i]),
            "turns": i == turned,
            "said": _said(explanation, i),
            "weight": None if bag is None else float(bag[i]),
            "bag_part": None if of_bag is None else of_bag[i],
        }
        for i, shown in enumerate(shown_words(explanation))
    ]


def _parts(shares: NDArray[np.float64]) -> list[float]:
    """Return each share as a part of the largest, in [-1, 1]."""
    largest = float(np.abs(shares).max()) or 1.0
    return [round(float(share) / largest, 3) for share in shares]


def _said(explanation: Account, word: int) -> str:
    """Say everything that is known of a word, in one line."""
    token = NO_WORD if explanation.places[word, 1] == 0 else harmless(explanation.tokens[word])
    said = [f"{token}: share {wording.signed(explanation.shares[word])}"]
    at_once = float(explanation.at_once[word])
    said[0] += (
        f" ({wording.signed(at_once)} at once, "
        f"{wording.signed(explanation.shares[word] - at_once)} by what followed)"
    )
    before, after = explanation.logits[word : word + 2]
    said.append(f"logit {wording.signed(before)} → {wording.signed(after)}")
    said.append(
        f"probability of {harmless(explanation.towards)} {explanation.probabilities[word + 1]:.3f}"
    )
    if explanation.bag is not None:
        said.append(f"bag of words {wording.signed(explanation.bag.weights[word])}")
    if not explanation.known[word]:
        said.append("not in the vocabulary")
    if explanation.turn is not None and explanation.turn.word == word:
        said.append("here the verdict turned")
    return "; ".join(said)


def _layer(explanation: Account, layer: LayerPath) -> dict[str, Any]:
    shares = " and ".join(f"{share:.0%}" for share in layer.explained)
    return {
        "number": layer.number,
        "plane": plane_of(explanation, layer),
        "of": f"principal components of the {layer.plane}, with {shares} of their variance"
        if layer.plane == "visited states"
        else f"principal components of {layer.plane}, with {shares} of its variance",
        "has_cloud": len(layer.cloud) > 0,
        "passages": [
            wording.passage_line(explanation, layer, passage) for passage in layer.passages
        ],
        "passed": [passage.point for passage in layer.passages],
    }


def _changes(explanation: Account) -> list[dict[str, Any]]:
    return [
        {
            "change": wording.change_line(explanation, change),
            "logit": change.logit,
            "probability": change.probability,
            "becomes": wording.becomes(explanation, change),
            "flips": change.flips,
        }
        for change in explanation.telling_changes(CHANGES)
    ]
