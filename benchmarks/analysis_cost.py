"""What the analysis of trained networks costs, in CPU seconds and bytes.

`python -m benchmarks.analysis_cost FOLDER ... [--data-dir DATA]` analyses each network twice in one
process, of one thread: the second time the corpus is cut into tokens, and the bag of words fitted,
as of all networks but the first in a sweep.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nullcline.study.results import NetworkAnalysis

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy is imported


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="runs of nullcline train")
    parser.add_argument("--data-dir", type=Path, help="folder of corpora (else $NULLCLINE_DATA)")
    options = parser.parse_args()
    print(
        "| network | first: CPU s | again: CPU s | of these, states | file, MB | most memory, MB |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    for folder in options.folders:
        first, again, found = _costs(folder, options.data_dir)
        size, memory = _size(found), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        sizes = f"{size / 1e6:.1f} | {memory / 1e6:.0f}"
        print(f"| {folder.name} | {first:.1f} | {again:.1f} | {sizes} |", flush=True)


def _costs(folder: Path, data_dir: Path | None) -> tuple[float, float, NetworkAnalysis]:
    """Return the CPU seconds of a network's first and second analysis, and the second."""
    import torch

    from nullcline.study.analysis import analyse
    from nullcline.study.settings import AnalysisSettings
    from nullcline.text import load_corpus
    from nullcline.training import load_checkpoint

    torch.set_num_threads(1)
    checkpoint = load_checkpoint(folder)
    corpus = load_corpus(checkpoint.corpus, data_dir=data_dir, progress=False)
    taken = []
    for _ in range(2):
        start = time.process_time()
        found = analyse(checkpoint, corpus, AnalysisSettings(n_threads=1))
        taken.append(time.process_time() - start)
    return taken[0], taken[1], found


def _size(found: NetworkAnalysis) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "analysis.npz"
        found.save(path)
        return path.stat().st_size


if __name__ == "__main__":
    main()
