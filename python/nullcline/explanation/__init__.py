"""Why a trained network said what it did of a text; needs the `study` extra.

Each name is loaded when it is first asked for: the command line needs no PyTorch to list what it
can do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nullcline._support.lazy import lazy

if TYPE_CHECKING:
    from nullcline.explanation.account import Account, BagOpinion, LayerPath
    from nullcline.explanation.backdrop import Background, background_of, load_background
    from nullcline.explanation.changed_words import WordChange
    from nullcline.explanation.errors import Mistake, confident_mistakes
    from nullcline.explanation.explaining import explain
    from nullcline.explanation.page import write_page
    from nullcline.explanation.passages import Passage
    from nullcline.explanation.result import Explanation
    from nullcline.explanation.turning import Turn

__all__ = [
    "Account",
    "Background",
    "BagOpinion",
    "Explanation",
    "LayerPath",
    "Mistake",
    "Passage",
    "Turn",
    "WordChange",
    "background_of",
    "confident_mistakes",
    "explain",
    "load_background",
    "write_page",
]

_HOMES = {
    "Account": "account",
    "Background": "backdrop",
    "BagOpinion": "account",
    "Explanation": "result",
    "LayerPath": "account",
    "Mistake": "errors",
    "Passage": "passages",
    "Turn": "turning",
    "WordChange": "changed_words",
    "background_of": "backdrop",
    "confident_mistakes": "errors",
    "explain": "explaining",
    "load_background": "backdrop",
    "write_page": "page",
}
"""The file that each public name is in."""

__getattr__, __dir__ = lazy(__name__, _HOMES)
