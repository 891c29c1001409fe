"""The public data sets as their authors publish them."""

from __future__ import annotations

from dataclasses import dataclass

_ARCHIVES = (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar", ".zip")

_AUTHORS_OF_ROWS = "Zhang, Zhao and LeCun, NeurIPS 2015"
_TERMS_OF_YELP = "Yelp's dataset agreement: academic use, no redistribution"


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
    size
        How many bytes it has: a download that is longer is given up.
    paper
        The authors' paper.
    terms
        Its licence, or the terms that it may be used by.
    """

    url: str
    known_hash: str
    copies: tuple[str, ...]
    size: int
    paper: str = ""
    terms: str = ""

    @property
    def file(self) -> str:
        """The last part of the address."""
        return self.url.rsplit("/", 1)[-1]


def _copies(stem: str, folder: str) -> tuple[str, ...]:
    """Return the names of an archive, packed in any way, and of the folder that it unpacks to."""
    return (*(f"{stem}{suffix}" for suffix in _ARCHIVES), folder)


ORIGINALS = {
    "imdb": Original(
        "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
        "sha256:c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
        _copies("aclImdb_v1", "aclImdb"),
        84_125_825,
        "Maas et al., ACL 2011",
        "no licence is stated; the authors ask to be cited",
    ),
    "sst": Original(
        "https://nlp.stanford.edu/sentiment/trainDevTestTrees_PTB.zip",
        "sha256:5c613a4f673fc74097d523a2c83f38e0cc462984d847b82c7aaf36b01cbbbfcc",
        _copies("trainDevTestTrees_PTB", "trees"),
        789_539,
        "Socher et al., EMNLP 2013",
        "no licence is stated; the authors ask to be cited",
    ),
    # TensorFlow Datasets (url_checksums/yelp_polarity_reviews.txt), Hugging Face's datasets
    # (yelp_polarity/dataset_infos.json) and FastAI.jl (src/datasets/fastairegistry.jl) give this
    # hash, the first two this size. The MD5 that fastai (data/checks.txt) gives is that of the
    # first MiB, for all three.
    "yelp-polarity": Original(
        "https://s3.amazonaws.com/fast-ai-nlp/yelp_review_polarity_csv.tgz",
        "sha256:528f22e286cad085948acbc3bea7e58188416546b0e364d0ae4ca0ce666abe35",
        _copies("yelp_review_polarity_csv", "yelp_review_polarity_csv"),
        166_373_201,
        _AUTHORS_OF_ROWS,
        _TERMS_OF_YELP,
    ),
    # The hash is that of Hugging Face's datasets (yelp_review_full/dataset_infos.json) and of
    # FastAI.jl, the size that of the former and of fastai.
    "yelp-full": Original(
        "https://s3.amazonaws.com/fast-ai-nlp/yelp_review_full_csv.tgz",
        "sha256:56006b0a17a370f1e366504b1f2c3e3754e4a3dda17d3e718a885c552869a559",
        _copies("yelp_review_full_csv", "yelp_review_full_csv"),
        196_146_755,
        _AUTHORS_OF_ROWS,
        _TERMS_OF_YELP,
    ),
    # The hash is FastAI.jl's alone, the size fastai's: no other source of either was found.
    "ag-news": Original(
        "https://s3.amazonaws.com/fast-ai-nlp/ag_news_csv.tgz",
        "sha256:9a8c300eabb45750237fcc669f61cb8a3448f3ef6f6098e1ce340e444f6872be",
        _copies("ag_news_csv", "ag_news_csv"),
        11_784_419,
        _AUTHORS_OF_ROWS,
        "for research and any other non-commercial activity",
    ),
    "glove": Original(
        "https://nlp.stanford.edu/data/glove.6B.zip",
        "sha256:617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb",
        ("glove.6B.zip",),
        862_182_613,
        "Pennington et al., EMNLP 2014",
        "public domain (PDDL 1.0)",
    ),
    # Their authors publish no hashes. Those of fastText's are as others have noted them, each by
    # itself. That of word2vec's is noted once, beside a hash of GloVe's that is ours; it comes from
    # a mirror, since its authors' copy needs a browser.
    "word2vec-google-news": Original(
        "https://s3.amazonaws.com/dl4j-distribution/GoogleNews-vectors-negative300.bin.gz",
        "sha256:21c05ae916a67a4da59b1d006903355cced7de7da1e42bff9f0504198c748da8",
        ("GoogleNews-vectors-negative300.bin*",),
        1_647_046_227,
        "Mikolov et al., NeurIPS 2013",
        "no licence is stated",
    ),
    "fasttext-wiki-news": Original(
        "https://dl.fbaipublicfiles.com/fasttext/vectors-english/wiki-news-300d-1M.vec.zip",
        "sha256:bdeb85f44892c505953e3654183e9cb0d792ee51be0992460593e27198d746f8",
        ("wiki-news-300d-1M.vec*",),
        681_808_098,
        "Mikolov et al., LREC 2018",
        "CC BY-SA 3.0",
    ),
    "fasttext-crawl": Original(
        "https://dl.fbaipublicfiles.com/fasttext/vectors-english/crawl-300d-2M.vec.zip",
        "sha256:5bfffffbabdab299d4c9165c47275e8f982807a6eaca37ee1f71d3a79ddb544d",
        ("crawl-300d-2M.vec*",),
        1_523_785_255,
        "Mikolov et al., LREC 2018",
        "CC BY-SA 3.0",
    ),
}
