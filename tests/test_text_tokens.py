"""The tokenizer: what GloVe 6B's corpus looks like, and nothing lost but space and tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nullcline.text import tokenize


def test_the_papers_two_reviews_are_cut_as_known() -> None:
    positive = (
        "It is by far one of the best comic book adaptations ever. I liked this one even more than "
        "X-men."
    )
    assert " ".join(tokenize(positive)) == (
        "it is by far one of the best comic book adaptations ever . i liked this one even more "
        "than x-men ."
    )
    negative = (
        "First of all I hate those moronic rappers, who couldn't act if they had a gun pressed "
        "against their foreheads. All they do is curse and shoot each other and acting like "
        "cliché'e version of gangsters."
    )
    assert " ".join(tokenize(negative)) == (
        "first of all i hate those moronic rappers , who could n't act if they had a gun pressed "
        "against their foreheads . all they do is curse and shoot each other and acting like "
        "cliché'e version of gangsters ."
    )


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", ""),
        (" \n\t ", ""),
        ("Good.<br /><br />Bad<BR>ugly", "good . bad ugly"),
        ("<i>Very</i> 3 < 4", "very 3 < 4"),
        ("don't can't won't AIN'T isn't.", "do n't ca n't wo n't ai n't is n't ."),
        ("it's I'm they're we've he'd she'll", "it 's i 'm they 're we 've he 'd she 'll"),
        ("wouldn't've y'all's", "would n't 've y'all 's"),
        ("the actors' 'decent' work", "the actors ' ' decent ' work"),
        ("O'Brien rock'n'roll", "o'brien rock'n'roll"),
        ("a well-known co-writer/director", "a well-known co-writer / director"),
        ("Well--no... yes.. ---", "well -- no ... yes ... --"),
        ("7/10 in the 80's, $1,000.50 or 3.5!", "7 / 10 in the 80 's , $ 1,000.50 or 3.5 !"),
        ("U.S. e.g. Mr. I. x.y", "u.s. e.g. mr . i . x . y"),
        ("“So” it’s – ``fine''…", '" so " it \'s -- " fine " ...'),
        ("it\x92s \x93odd\x94 \x96 really\x85", 'it \'s " odd " -- really ...'),
        ("R&amp;B &eacute;t&eacute; AT&T &#8217;", "r & b été at & t '"),
        ("cafe\u0301 soft\u00adhyphen", "café softhyphen"),
        ("wow!!! ?! (ok) *a_b*", "wow ! ! ! ? ! ( ok ) * a _ b *"),
    ],
)
def test_examples_are_cut_as_known(text: str, tokens: str) -> None:
    assert tokenize(text) == tokens.split()


_TEXTS = st.text(st.sampled_from("abnstNT012 .,'-\"!?&;<>/_é’…–\x85"), max_size=40) | st.text()


@given(_TEXTS)
def test_tokens_hold_no_space_and_are_never_empty(text: str) -> None:
    for token in tokenize(text):
        assert token
        assert token.split() == [token]


@given(_TEXTS)
def test_tokens_are_at_least_as_many_as_words_without_marks(text: str) -> None:
    words = [word for word in text.split() if word.isascii() and word.isalnum()]
    assert len(tokenize(" ".join(words))) == len(words)


@given(
    st.lists(st.sampled_from(["did", "n't", "it", "'s", "x-men", "--", "...", "u.s.", "!", ","]))
)
def test_text_that_is_cut_already_comes_through(tokens: list[str]) -> None:
    assert tokenize(" ".join(tokens)) == tokens


def test_a_long_unlucky_text_does_not_hang() -> None:
    for text in ("a." * 3_000 + "b", "1," * 3_000 + "x", "<" + " " * 20_000, "n't" * 5_000):
        tokenize(text)
