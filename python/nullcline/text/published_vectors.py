"""Word vectors that their authors published, by name, and what copies of them may be called."""

from __future__ import annotations

from dataclasses import dataclass

_COMPRESSIONS = ("", ".gz", ".xz", ".bz2", ".zip")


@dataclass(frozen=True)
class PublishedVectors:
    """A published file of word vectors.

    Parameters
    ----------
    original
        Its archive's name in `nullcline.text.originals.ORIGINALS`.
    stem, suffix
        Its own name, such as "glove.6B.100d" and ".txt".
    dimension
        How many numbers a vector has.
    archives
        Names of local archives that hold it beside others.
    """

    original: str
    stem: str
    suffix: str
    dimension: int
    archives: tuple[str, ...] = ()

    @property
    def copies(self) -> list[str]:
        """Names and patterns of local copies, the best first; those of some words come last."""
        whole = [f"{self.stem}{self.suffix}{end}" for end in _COMPRESSIONS]
        limited = [f"{self.stem}.*{self.suffix}{end}" for end in _COMPRESSIONS]
        return [*whole, *self.archives, *limited]


PUBLISHED = {
    **{
        f"glove-6b-{dimension}": PublishedVectors(
            "glove", f"glove.6B.{dimension}d", ".txt", dimension, ("glove.6B.zip",)
        )
        for dimension in (50, 100, 200, 300)
    },
    "word2vec-google-news": PublishedVectors(
        "word2vec-google-news", "GoogleNews-vectors-negative300", ".bin", 300
    ),
    "fasttext-wiki-news": PublishedVectors("fasttext-wiki-news", "wiki-news-300d-1M", ".vec", 300),
    "fasttext-crawl": PublishedVectors("fasttext-crawl", "crawl-300d-2M", ".vec", 300),
}
"""By the name that `vectors` has for them."""
