"""One page in which a reader turns, filters and clicks what was found; needs the `explore` extra.

`explore` checks what it is given and sorts it by layer; `axes` chooses three directions to look
along; `modes` and `moving_words` say what a click on a point shows; `packing` and `page` write it
all into one file, with the templates beside them.
"""

from __future__ import annotations

from nullcline.interactive.exploration import explore

__all__ = ["explore"]
