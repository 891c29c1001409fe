"""The public data sets as their authors publish them."""

from __future__ import annotations

from dataclasses import dataclass

_ARCHIVES = (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar", ".zip")


@dataclass(frozen=True)
class Original:
    """A file as its authors publish it.

    Parameters
    ----------
    url
        Its address.
    known_hash
        ``"ALGORITHM:HEX"``.
    copies
        Names (or glob patterns) that a local copy of it may have, the best first.
    """

    url: str
    known_hash: str
    copies: tuple[str, ...]

    @property
    def file(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[-1]


ORIGINALS = {
    "imdb": Original(
        "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        "md5:7c2ac02c03563afcf9b574c7e56c153a",
        (*(f"aclImdb_v1{suffix}" for suffix in _ARCHIVES), "aclImdb"),
    ),
    "sst": Original(
        "https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",
        "sha256:5c613a4f673fc74097d523a2c83f38e0cc462984d847b82c7aaf36b01cbbbfcc",
        (*(f"trainDevTestTrees_PTB{suffix}" for suffix in _ARCHIVES), "trees"),
    ),
    "glove": Original(
        "https://nlp.stanford.edu/data/glove.6B.zip",
        "sha256:617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
        ("glove.6B.zip",),
    ),
}
