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
        Its address, of https.
    known_hash
        ``"sha256:HEX"``.
    copies
        Names (or glob patterns) that a local copy of it may have, the best first.
    most_bytes
        More than it has: a download that is longer is given up.
    """

    url: str
    known_hash: str
    copies: tuple[str, ...]
    most_bytes: int

    @property
    def file(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[-1]


ORIGINALS = {
    "imdb": Original(
        "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        "sha256:c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
        (*(f"aclImdb_v1{suffix}" for suffix in _ARCHIVES), "aclImdb"),
        100_000_000,
    ),
    "sst": Original(
        "https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",
        "sha256:5c613a4f673fc74097d523a2c83f38e0cc462984d847b82c7aaf36b01cbbbfcc",
        (*(f"trainDevTestTrees_PTB{suffix}" for suffix in _ARCHIVES), "trees"),
        2_000_000,
    ),
    "glove": Original(
        "https://nlp.stanford.edu/data/glove.6B.zip",
        "sha256:617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
        ("glove.6B.zip",),
        1_000_000_000,
    ),
}
