"""Cut English text into the words that GloVe 6B knows."""

from __future__ import annotations

import html
import re
import unicodedata

__all__ = ["tokenize"]

_LETTER = r"[^\W_]"  # a letter or a digit, of any script
TOKEN = re.compile(
    rf"""
      n't(?!{_LETTER})                          # did|n't
    | '(?:s|m|re|ve|d|ll)(?!{_LETTER})          # it|'s
    | (?:[a-z]\.){{2,}}(?!{_LETTER})            # u.s.
    | \d+(?:[.,]\d+)+(?!{_LETTER})              # 1,000.50
    | {_LETTER}+(?:                             # a word, with its inner hyphens and apostrophes
          (?:-|'(?!(?:s|m|re|ve|d|ll|t)(?!{_LETTER})))
          {_LETTER}+                            # x-men, o'brien
      )*(?<!n(?='t(?!{_LETTER})))               # that gives its n back to n't
    | \.\.\. | --
    | \S                                        # every other mark by itself
    """,
    re.VERBOSE,
)

TAG = re.compile(r"<\s*(?:/\s*)?(?:br|hr|p|i|b|u|em)\s*(?:/\s*)?>", re.IGNORECASE)
ENTITY = re.compile(r"&#?\w+;")
QUOTES = re.compile(r"``|''")
DOTS = re.compile(r"\.{2,}")
DASHES = re.compile(r"-{2,}")

# Windows-1252 read as Latin-1 leaves its typographic marks among the control characters.
_CONTROLS = {
    code: bytes([code]).decode("cp1252", errors="ignore") or " " for code in range(0x80, 0xA0)
}
_TYPOGRAPHIC = {
    "‘": "'", "’": "'", "‚": "'", "´": "'", "“": '"', "”": '"', "„": '"',
    "–": "--", "—": "--", "…": "...", "\u00ad": "", "\u200b": "", "\ufeff": "",
}  # fmt: skip
PLAIN = str.maketrans(
    {chr(code): _TYPOGRAPHIC.get(mark, mark) for code, mark in _CONTROLS.items()} | _TYPOGRAPHIC
)


def tokenize(text: str) -> list[str]:
    """Cut `text` into tokens, as the corpus of GloVe 6B was cut (nearly the Penn Treebank's way).

    Lower case. Line breaks and other plain tags of HTML are dropped, entities decoded, typographic
    quotes and dashes made plain. Clitics stand alone (``did n't``, ``it 's``), and so does every
    punctuation mark, except that a run of dots is ``...`` and a run of dashes is ``--``. Words keep
    their inner hyphens and apostrophes (``x-men``, ``o'brien``), abbreviations their dots
    (``u.s.``), numbers their points and commas. Text that is already cut comes through unchanged.

    Parameters
    ----------
    text
        Any text.

    Returns
    -------
    list of str
        The tokens in order; empty where there is nothing but space.

    Examples
    --------
    >>> tokenize("I didn't like<br />X-men.")
    ['i', 'did', "n't", 'like', 'x-men', '.']
    """
    text = TAG.sub(" ", text)
    if "&" in text:
        text = ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).translate(PLAIN)
    text = QUOTES.sub('"', text.lower())
    text = DASHES.sub(" -- ", DOTS.sub(" ... ", text))
    return TOKEN.findall(text)
