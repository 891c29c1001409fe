"""Small copies of the corpora, and archives in every format that a local copy may have."""

from __future__ import annotations

import io
import tarfile
import zipfile
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from nullcline.text import imdb, sst
from nullcline.text.originals import ORIGINALS
from nullcline.text.zhang import LAYOUTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest

FORMATS = (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".tar", ".zip", "")
_TAR_MODES: dict[str, Literal["w:gz", "w:xz", "w:bz2", "w:"]] = {
    ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.xz": "w:xz", ".tar.bz2": "w:bz2", ".tar": "w:",
}  # fmt: skip


def write_archive(stem: Path, suffix: str, files: Mapping[str, bytes]) -> Path:
    """Write `files` to an archive at `stem` with `suffix`, or with none, to a folder's parent."""
    path = stem.with_name(stem.name + suffix)
    if suffix == "":
        for name, content in files.items():
            member = stem.parent / name
            member.parent.mkdir(parents=True, exist_ok=True)
            member.write_bytes(content)
        return stem.parent / next(iter(files)).split("/")[0]
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, _TAR_MODES[suffix]) as tar:
        for name, content in files.items():
            member_info = tarfile.TarInfo(name)
            member_info.size = len(content)
            tar.addfile(member_info, io.BytesIO(content))
    return path


IMDB = {
    **{
        f"aclImdb/{split}/{label}/{number}_{rating}.txt": f"{split} {label} {number} é".encode()
        for split in ("test", "train")
        for label, rating in (("pos", 9), ("neg", 2))
        for number in (10, 9, 0)
    },
    "aclImdb/README": b"read me",
    "aclImdb/train/unsup/0_0.txt": b"unlabelled",
    "aclImdb/train/pos/._1_9.txt": b"left by a file manager",
    "aclImdb/train/labeledBow.feat": b"1 0:9",
}
SST = {
    "trees/train.txt": (
        b"(3 (2 It) (4 (2 's) (4 great)))\n"
        b"(2 (2 So) (2 so))\n"
        b"(0 (2 -LRB-) (1 (2 Ca) (1 (1 n't) (2 and\\/or))))\n"
    ),
    "trees/dev.txt": b"(4 (4 Left) (2 out))\n",
    "trees/test.txt": "(1 (1 Mal) (2 été))\n(4 (4 Fine) (2 .))\n".encode(),
}
YELP_POLARITY = {
    "yelp_review_polarity_csv/train.csv": r""""1","Not \""good\"", they said.\nNever again!"
"2","Crème brûlée, jalape\u00f1os \ud83c\udf2e"
"2","A 50\/50 chance; C:\\new"
"1",""
""".encode(),
    "yelp_review_polarity_csv/readme.txt": b"Yelp Review Polarity Dataset",
    "yelp_review_polarity_csv/._train.csv": b"left by a file manager",
    "yelp_review_polarity_csv/test.csv": b'"2","Good, ""very"" good"\n"1","Bad"\n',
}
YELP_FULL = {
    f"yelp_review_full_csv/{split}.csv": "".join(
        f'"{stars}","{split}: {stars} of 5"\n' for stars in (5, 2, 4, 1, 3) for _ in range(count)
    ).encode()
    for split, count in (("train", 2), ("test", 1))
}
AG_NEWS = {
    "ag_news_csv/classes.txt": b"World\nSports\nBusiness\nSci/Tech\n",
    "ag_news_csv/train.csv": rb'''"3","Oil near \$50","Reuters - Oil prices soared\nearly, &lt;b&gt;...&lt;/b&gt;"
"4","IBM &lt;IBM.N&gt; wins","It #39;s  quot;big quot;; R amp;D costs  #36;1 bn"
"1","Talks, ""round two""","AFP - Talks resumed\\on Monday"
"2","",""
"3","a","b"
"4","c","d"
"1","e","f"
"2","g","h"
''',  # noqa: E501
    "ag_news_csv/test.csv": b"".join(b'"%d","Title","Text"\n' % number for number in (4, 3, 2, 1)),
}
SAMPLES = {
    "imdb": IMDB,
    "sst": SST,
    "yelp-polarity": YELP_POLARITY,
    "yelp-full": YELP_FULL,
    "ag-news": AG_NEWS,
}
"""What an archive of each corpus holds, in its authors' format, for `expect_samples`."""


def expect_samples(monkeypatch: pytest.MonkeyPatch, *, train: int = 2, test: int = 1) -> None:
    """Have the readers expect as many texts as the small copies have; rows, so many a class."""
    monkeypatch.setattr(imdb, "_REVIEWS_PER_FOLDER", 3)
    monkeypatch.setattr(sst, "_TREES", {"train": 3, "test": 2})
    for name, layout in LAYOUTS.items():
        monkeypatch.setitem(LAYOUTS, name, replace(layout, train=train, test=test))


def write_sample(folder: Path, name: str, suffix: str, files: Mapping[str, bytes]) -> Path:
    """Write an archive as a local copy of a corpus, in a format of `FORMATS`."""
    stem = ORIGINALS[name].copies[0].removesuffix(FORMATS[0])
    return write_archive(folder / stem, suffix, files)
