"""What a corpus is, in a sentence or two, for readers of a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nullcline.study.examples import OF_THE_LANGUAGE, summed_valence
from nullcline.text.synthetic import VALENCES
from nullcline.text.synthetic_context import INTENSIFIERS, NEGATORS, REACH
from nullcline.text.synthetic_ordered import ORDERED
from nullcline.text.synthetic_unordered import UNORDERED

if TYPE_CHECKING:
    from collections.abc import Sequence

_CORPUS_NAMES = {
    "synthetic": "a generated language",
    "synthetic-context": "a generated language of modifiers",
    "synthetic-unordered": "a generated language of topics",
    "synthetic-ordered": "a generated language of grades",
    "imdb": "IMDB's film reviews",
    "sst": "the Stanford Sentiment Treebank",
    "yelp-polarity": "Yelp's reviews",
    "yelp-full": "Yelp's reviews by their stars",
    "ag-news": "AG's news",
}

_DESCRIPTIONS = {
    "imdb": (
        "the Large Movie Review Dataset (Maas et al. 2011): 25,000 film reviews to train on and "
        "25,000 to test on, positive ones with 7 to 10 of 10 stars and negative ones with 1 to 4."
    ),
    "sst": (
        "the Stanford Sentiment Treebank (Socher et al. 2013): sentences from film reviews, whose "
        "sentiment readers judged, here in {classes} classes."
    ),
    "yelp-polarity": (
        "the Yelp Review Polarity Dataset (Zhang, Zhao and LeCun 2015): 560,000 reviews of "
        "businesses to train on and 38,000 to test on, half of them negative and half positive, by "
        "the stars that they give."
    ),
    "yelp-full": (
        "the Yelp Review Full Star Dataset (Zhang, Zhao and LeCun 2015): 650,000 reviews of "
        "businesses to train on and 50,000 to test on, as many of each number of stars, 1 to 5."
    ),
    "ag-news": (
        "AG's News Topic Classification Dataset (Zhang, Zhao and LeCun 2015): titles and first "
        "lines of 120,000 news to train on and 7,600 to test on, as many of each of four topics."
    ),
}


def name_of_corpus(corpus: str) -> str:
    """Return what a corpus is called in a sentence: what it is, or the name of its file."""
    return _CORPUS_NAMES.get(corpus, corpus)


def describe_corpus(corpus: str, classes: Sequence[str]) -> str:
    """Return what a corpus is, in a sentence or two."""
    if corpus == "synthetic":
        return _describe_the_language(classes)
    if corpus == UNORDERED.name:
        return _describe_topics(classes)
    if corpus == ORDERED.name:
        return _describe_grades(classes)
    if corpus == "synthetic-context":
        return _describe_the_language_of_modifiers()
    if corpus in _DESCRIPTIONS:
        return f"“{corpus}” is {_DESCRIPTIONS[corpus]}".format(classes=len(classes))
    return f"“{corpus}” is a file of texts with labels: {', '.join(classes)}."


def annotate_valences(text: str) -> str:
    """Return a text of the generated language with the valence of each word that has one."""

    def marked(word: re.Match[str]) -> str:
        valence = VALENCES.get(word[0].lower(), 0)
        return f"{word[0]} ({_signed(valence)})" if valence else word[0]

    return re.sub(r"\w+", marked, text)


def _describe_the_language(classes: Sequence[str]) -> str:
    rule = (
        "positive if its words' valences add up to more than 0 and negative if to less"
        if len(classes) == 2
        else f"of one of {len(classes)} grades, by what its words' valences add up to"
    )
    example = OF_THE_LANGUAGE[1]
    return (
        f"“synthetic” is a generated language of {len(VALENCES)} words, each with a valence from "
        "−3 (“awful”) over 0 (“film”) to +3 (“superb”), drawn one by one, without regard to "
        "grammar, into reviews of 18 to 48 words; three marks of punctuation between them are read "
        f"as words, too. A review is {rule}, so that a network must add "
        f"up the whole of it to know; for example, “{annotate_valences(example)}” adds up to "
        f"{_signed(summed_valence(example))} and is {classes[-1]}."
    )


def _describe_topics(classes: Sequence[str]) -> str:
    known = UNORDERED.words(len(classes))
    first = known[:: len(known) // len(classes)]
    words = ", ".join(f"“{word}” of {topic}" for topic, word in zip(classes, first, strict=True))
    return (
        "“synthetic-unordered” is a generated language: each word is evidence of one topic "
        f"({words}) or of none, and a review is of the topic that most of its words are of. Half "
        "of its words are evidence, drawn one by one, so that a network must count them all to "
        f"know. What it must hold is by how many words each topic leads: {len(classes) - 1} "
        f"number{'s' if len(classes) > 2 else ''}."
    )


def _describe_grades(classes: Sequence[str]) -> str:
    degrees = (len(classes) + 1) // 2
    rule = (
        "The summed valence says whether it is positive"
        if len(classes) == 2
        else "The summed valence says on which side of the middle it is, and the summed intensity, "
        f"in {degrees} degrees, how far from it"
    )
    return (
        "“synthetic-ordered” is a generated language: each word is for or against, and strong "
        "(“superb”, “awful”) or mild (“nice”, “slow”), or nothing of it. Half of a review's words "
        f"are such, drawn one by one. {rule}. What a network must hold is "
        f"{'one number' if len(classes) == 2 else 'two numbers, however many classes there are'}."
    )


def _describe_the_language_of_modifiers() -> str:
    return (
        f"“synthetic-context” is a generated language in which {', '.join(NEGATORS)} flip the "
        f"valence of the next {REACH} words, and {', '.join(INTENSIFIERS)} double it: a review is "
        "positive if what its words add up to then is more than 0, so that which words there are "
        "does not tell, and a network must heed their order."
    )


def _signed(valence: int) -> str:
    return f"{valence:+}".replace("-", "−")
