"""Bring a finished IMDB reproduction's figures and numbers here: `python refresh.py FOLDER`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from PIL import Image

COLOURS = 256


def main(reproduction: Path, docs: Path) -> None:
    """Copy results.json, and every PNG with a palette, which makes it a third of its size."""
    images = docs / "images"
    images.mkdir(exist_ok=True)
    for path in sorted((reproduction / "figures").glob("*.png")):
        with Image.open(path) as image:
            small = image.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
            small.save(images / path.name, optimize=True)
    (docs / "imdb").mkdir(exist_ok=True)
    shutil.copyfile(reproduction / "results.json", docs / "imdb" / "results.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
