"""An explanation on the terminal: coloured words, or the same in signs and numbers alone."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from nullcline.explanation import wording
from nullcline.explanation.showing import harmless, shown_words

if TYPE_CHECKING:
    from nullcline.explanation.account import Account

    Piece = tuple[str, str]
    """A string, and its style."""
    Paragraph = list[Piece]

WIDTH = 88

NUMBERED = 8
"""Words that carry their number, at most."""

PASSAGES = 4
"""Points that are told of in each layer, at most."""

# Blue and orange as the figures have them, in tones that are read on black and on white. What
# speaks against is underlined too.
FOR, AGAINST = "#3d8fd1", "#d9780f"
STRONG, FAINT = 0.4, 0.08
"""Parts of the largest share from which on a word is bold, and is coloured at all."""


def show(explanation: Account) -> None:
    """Print an explanation to standard output."""
    sys.stdout.write(rendered(explanation) + "\n")


def rendered(explanation: Account) -> str:
    """Return an explanation as standard output can show it: in colours on a terminal with rich."""
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return plain(explanation)
    console = Console()
    if not console.is_terminal:
        return plain(explanation)
    if console.no_color:
        return plain(explanation, min(WIDTH, console.width))
    return coloured(explanation)


def plain(explanation: Account, width: int = WIDTH) -> str:
    """Return an explanation without colours: words that count carry their sign and number."""
    lines = []
    for paragraph in _paragraphs(explanation):
        text = "".join(piece for piece, _ in paragraph)
        indent = " " * (len(text) - len(text.lstrip(" ")))
        hanging = indent + "  " if indent else ""
        lines.append(
            textwrap.fill(
                text.strip(),
                width,
                initial_indent=indent,
                subsequent_indent=hanging,
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    return "\n".join(lines)


def coloured(explanation: Account, width: int | None = None) -> str:
    """Return an explanation with the colours of a terminal, which rich writes."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    console = Console(width=width, force_terminal=True, highlight=False, markup=False, emoji=False)
    with console.capture() as written:
        for paragraph in _paragraphs(explanation):
            text = Text()
            for piece, style in paragraph:
                text.append(piece, style=style or None)
            indent = len(text.plain) - len(text.plain.lstrip(" "))
            console.print(Padding(text[indent:], (0, 0, 0, indent)) if indent else text)
    return written.get().rstrip("\n")


def _paragraphs(explanation: Account) -> list[Paragraph]:
    """Return what is said, a paragraph a line."""
    return [
        [(wording.verdict_line(explanation), "bold")],
        [(wording.logit_line(explanation), "")],
        [("", "")],
        _words(explanation),
        [("", "")],
        _legend(explanation),
        *([(note, "italic")] for note in explanation.notes),
        [("", "")],
        [(wording.turn_line(explanation), "")],
        *_passages(explanation),
        *_changes(explanation),
        *_bag(explanation),
    ]


def _words(explanation: Account) -> Paragraph:
    """Return the text, each word in the colour of its share."""
    largest = float(np.abs(explanation.shares).max()) or 1.0
    parts = explanation.shares / largest
    numbered = set(explanation.strongest(NUMBERED))
    turned = None if explanation.turn is None else explanation.turn.word
    pieces: Paragraph = [("  ", "")]
    if explanation.unread:
        pieces.append((f"[{explanation.unread} words not read] ", "dim"))
    for i, shown in enumerate(shown_words(explanation)):
        pieces.append((shown.before, ""))
        word = shown.word if explanation.known[i] else f"{{{shown.word}}}"
        if i == turned:
            word = f"»{word}«"
        if i in numbered and abs(parts[i]) > FAINT:
            word = f"{word}({wording.signed(explanation.shares[i])})"
        pieces.append((word, _style(float(parts[i]))))
    return pieces


def _style(part: float) -> str:
    if abs(part) <= FAINT:
        return ""
    colour = FOR if part > 0 else f"underline {AGAINST}"
    return f"bold {colour}" if abs(part) > STRONG else colour


def _legend(explanation: Account) -> Paragraph:
    towards, against = harmless(explanation.towards), harmless(explanation.against)
    return [
        ("+", f"bold {FOR}"),
        (f" speaks for {towards}", FOR),
        (", ", ""),
        ("−", f"bold {AGAINST}"),
        (f" for {against}", f"underline {AGAINST}"),
        ("; the numbers are shares of the logit; {word} is not known; »word« turned it.", ""),
    ]


def _passages(explanation: Account) -> list[Paragraph]:
    said: list[Paragraph] = []
    for layer in explanation.layers:
        name = f"Layer {layer.number} passed" if len(explanation.layers) > 1 else "It passed"
        if not layer.passages:
            said.append([(f"{name} no point: none was found.", "")])
            continue
        said.append([(f"{name}:", "")])
        said += [
            [(f"  {wording.passage_line(explanation, layer, passage)}", "")]
            for passage in layer.passages[:PASSAGES]
        ]
        if (more := len(layer.passages) - PASSAGES) > 0:
            said.append([(f"  and {more} more", "dim")])
    return said


def _changes(explanation: Account) -> list[Paragraph]:
    changes = explanation.telling_changes()
    if not changes:
        return []
    flips = sum(change.flips for change in explanation.changes)
    head = (
        f"Of {len(explanation.changes)} changes of one word {flips} flip the verdict"
        if flips
        else f"None of {len(explanation.changes)} changes of one word flips the verdict"
    )
    return [
        [(f"{head}; what moves it most:", "")],
        *(
            [
                (f"  {wording.change_line(explanation, change)}: logit ", ""),
                (f"{wording.signed(explanation.logit)} → {wording.signed(change.logit)}", ""),
                (f", {wording.becomes(explanation, change)}", "bold" if change.flips else ""),
            ]
            for change in changes
        ),
    ]


def _bag(explanation: Account) -> list[Paragraph]:
    said: list[Paragraph] = [[(wording.bag_line(explanation), "")]]
    if explanation.bag is not None:
        weights = explanation.bag.weights
        order = np.argsort(-np.abs(weights), kind="stable")[:NUMBERED]
        loudest = {explanation.tokens[i]: float(weights[i]) for i in order.tolist()}
        pieces = [f"{harmless(word)}({wording.signed(weight)})" for word, weight in loudest.items()]
        said.append([(f"  Its loudest words: {', '.join(pieces)}", "")])
    return said
