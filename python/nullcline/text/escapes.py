r"""What the archives of Zhang, Zhao and LeCun did to their texts, undone.

Their readme files say that a line break is written ``\n``. Yelp's reviews are indeed as JSON has
them, quotes, too (``\"``). In AG's news, however, a line break is a backslash alone, and the
ampersand that begins an entity is often a space: `` #39;`` for ``&#39;``.
"""

from __future__ import annotations

import html
import re

__all__ = ["plain_news", "plain_review"]

_JSON = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_MARKS = {"b": " ", "f": "\n", "n": "\n", "r": "\n", "t": "\t"}

_LOST_AMPERSAND = re.compile(
    r"(?:^| )(?=(?:#\d{2,5}|quot|amp|lt|gt|apos|nbsp|hellip|[mn]dash|[lr][sd]quo);)"
)
_TAG = re.compile(
    r"</?(?:a|b|br|em|font|i|img|li|nobr|p|span|strong|table|td|tr|u|ul)(?=[\s/>])[^<>]*>",
    re.IGNORECASE,
)
"""Tags, and no ticker of a stock, such as <A.N>."""


def plain_review(text: str) -> str:
    r"""Return a review of Yelp with what JSON's escapes stand for.

    Examples
    --------
    >>> plain_review(r'Loud:\n\"Disco-disco\", jalape\u00f1os')
    'Loud:\n"Disco-disco", jalapeños'
    """
    if "\\" not in text:
        return text
    plain = _JSON.sub(_unescape, text)
    if "\\u" not in text:
        return plain
    # A character beyond the basic plane is two escapes, which UTF-16 joins; one alone is none.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescape(escape: re.Match[str]) -> str:
    code, mark = escape.groups()
    return chr(int(code, 16)) if code else _MARKS.get(mark, mark)


def plain_news(text: str) -> str:
    r"""Return a news text with its line breaks, entities decoded and tags left out.

    Examples
    --------
    >>> plain_news(r"Oil near \$50 &lt;b&gt;...&lt;/b&gt; Iraq #39;s\exports")
    "Oil near \n$50  ...  Iraq's\nexports"
    """
    text = _LOST_AMPERSAND.sub("&", text.replace("\\", "\n"))
    return _TAG.sub(" ", html.unescape(text))
