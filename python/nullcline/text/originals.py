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
    # Their authors publish no hashes. Those of fastText's are as others have noted them, each by
    # itself. That of word2vec's is noted once, beside a hash of GloVe's that is ours; it comes from
    # a mirror, since its authors' copy needs a browser.
    "word2vec-google-news": Original(
        "https://s3.amazonaws.com/dl4j-distribution/GoogleNews-vectors-negative300.bin.gz",
        "sha256:21c05ae916a67a4da59b1d006903355cced7de7da1e42bff9f0504198c748da8",
        ("GoogleNews-vectors-negative300.bin*",),
        2_000_000_000,
    ),
    "fasttext-wiki-news": Original(
        "https://dl.fbaipublicfiles.com/fasttext/vectors-english/wiki-news-300d-1M.vec.zip",
        "sha256:bdeb85f44892c505953e3654183e9cb0d792ee51be0992460593e27198d746f8",
        ("wiki-news-300d-1M.vec*",),
        1_000_000_000,
    ),
    "fasttext-crawl": Original(
        "https://dl.fbaipublicfiles.com/fasttext/vectors-english/crawl-300d-2M.vec.zip",
        "sha256:5bfffffbabdab299d4c9165c47275e8f982807a6eaca37ee1f71d3a79ddb544d",
        ("crawl-300d-2M.vec*",),
        2_000_000_000,
    ),
}
