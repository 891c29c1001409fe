"""A small network that knows the language of modifiers: `python -m testing.context_network FOLDER`.

It made tests/fixtures/context-network, in under a minute.
"""

from __future__ import annotations

import sys

from nullcline.text import load_corpus
from nullcline.training import TrainingSettings, train

SETTINGS = TrainingSettings(hidden_size=32, embedding_size=16, epochs=40, dropout=0.2)


def main(folder: str) -> None:
    """Train it."""
    checkpoint = train(load_corpus("synthetic-context"), SETTINGS, folder, device="cpu")
    sys.stdout.write(f"{checkpoint!r}\n")


if __name__ == "__main__":
    main(sys.argv[1])
