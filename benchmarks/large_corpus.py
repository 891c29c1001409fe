"""What a corpus of Yelp's size takes: memory and processor time, to load it and to begin a run.

`python -m benchmarks.large_corpus` writes an archive of 650,000 generated training and 50,000 test
reviews, of about as many bytes as `yelp-full` has and in its format, and then, in a process of its
own each, loads it, and trains a small network on 20,000 of its reviews for an epoch. It prints the
peak of the resident memory and the seconds of one thread.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nullcline.text import load_corpus
from nullcline.text.zhang import LAYOUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOP = "yelp_review_full_csv"
_WORDS = 30_000
_LENGTH = (4.5, 0.8)  # of the logarithm of a review's words, mean and standard deviation


def _rows(each: int, seed: int) -> Iterator[bytes]:
    """Yield rows of stars and a review, with the escapes that Yelp's have."""
    generator = np.random.default_rng(seed)
    words = np.array([f"w{number}" for number in range(_WORDS)], dtype=object)
    for stars in generator.permutation(np.arange(5 * each) % 5 + 1).tolist():
        length = max(5, int(generator.lognormal(*_LENGTH)))
        review = words[generator.integers(_WORDS, size=length)]
        review[::40] += r".\n"
        review[::150] = '\\""quoted\\""'
        yield f'"{stars}","{" ".join(review)}"\n'.encode()


def write(folder: Path) -> None:
    """Write the archive."""
    layout = LAYOUTS["yelp-full"]
    with tarfile.open(folder / f"{_TOP}.tgz", "w:gz", compresslevel=1) as archive:
        for seed, split in enumerate(("train", "test")):
            content = b"".join(_rows(getattr(layout, split), seed))
            member = tarfile.TarInfo(f"{_TOP}/{split}.csv")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def measure(folder: Path, *, trains: bool) -> None:
    """Load it, and train on a part of it, and print what that takes."""
    corpus = load_corpus("yelp-full", data_dir=folder, progress=False)
    _say(f"{len(corpus.train) + len(corpus.test):,} reviews loaded")
    if trains:
        import torch

        from nullcline.training import TrainingSettings, train

        torch.set_num_threads(1)
        settings = TrainingSettings(
            cell="rnn", hidden_size=4, embedding_size=8, epochs=1, batch_size=256, max_tokens=50,
            vectors="random", train_size=20_000, validation_fraction=0.01,
        )  # fmt: skip
        train(corpus, settings, folder / "run", device="cpu", progress=False)
        _say("an epoch of 20,000 of them")


def _say(what: str) -> None:
    # Linux's own count: what `resource` tells of a process, its parent's is part of.
    status = Path("/proc/self/status").read_text("ascii")
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(f"{what}: {time.process_time():.1f} s of one thread, peak {peak:,.0f} MiB")


def main() -> None:
    """Write and measure in a temporary folder, or measure what one holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="what an earlier process wrote")
    parser.add_argument("--trains", action="store_true")
    options = parser.parse_args()
    if options.folder is not None:
        measure(options.folder, trains=options.trains)
        return
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder))
        command = [sys.executable, "-m", "benchmarks.large_corpus", "--folder", folder]
        for more in ([], ["--trains"]):
            subprocess.run([*command, *more], check=True)


if __name__ == "__main__":
    main()
