"""A generated language of ordered classes, by valence and intensity.

After the ordered data of Aitken et al. (ICLR 2021): a word has a valence, for or against, and an
intensity, strong or mild. The summed valence says on which side of the middle a text is, and the
summed intensity how far. What a network must remember is two numbers, however many classes there
are, and one where there are two classes, which the valence alone tells apart. The grades of
`nullcline.text.synthetic` are ordered, too, and follow from one number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nullcline.text.evidence import Language
from nullcline.text.generated import cuts_of_sums, grade_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ORDERED"]

_WORDS = {
    (1, 1): "superb brilliant perfect masterful stunning magnificent glorious sublime",
    (1, -1): "nice decent pleasant neat likable agreeable tidy fair",
    (-1, 1): "awful terrible horrible dreadful atrocious abysmal vile disastrous",
    (-1, -1): "slow odd flat uneven clumsy thin dated bland",
}
_EVIDENCE = {word: kind for kind, words in _WORDS.items() for word in words.split()}
_SPREAD = 4.1  # of either sum, its standard deviation, which cuts the intensity into degrees
_MOST_CLASSES = 7


def _label(sums: NDArray[np.int64], classes: int) -> int | None:
    """Return the class; None where the valences cancel.

    From the middle outwards each degree of intensity is a class on either side; of an odd number of
    classes the mildest degree is the middle one, whatever the valence.
    """
    valence, intensity = sums.tolist()
    if valence == 0:
        return None
    degree = int(np.searchsorted(_cuts(classes), intensity))
    if classes % 2:
        return classes // 2 + (degree if valence > 0 else -degree)
    return classes // 2 + degree if valence > 0 else classes // 2 - 1 - degree


def _cuts(classes: int) -> NDArray[np.float64]:
    """Return the summed intensities, none of them whole, that part each degree from the next."""
    if classes % 2:
        shares = (1 + 2 * np.arange(classes // 2)) / classes
    else:
        shares = np.arange(1, classes // 2) / (classes // 2)
    return cuts_of_sums(shares, _SPREAD)


ORDERED = Language(
    name="synthetic-ordered",
    evidence=_EVIDENCE,
    most_classes=_MOST_CLASSES,
    class_names=grade_names,
    label=_label,
    words=lambda _: tuple(_EVIDENCE),
)
"""The language; the numbers of a word are its valence and its intensity."""
