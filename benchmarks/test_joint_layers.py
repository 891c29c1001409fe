"""The committed numbers of the layers trained on IMDB are those that their benchmark finds."""

from __future__ import annotations

import json

import pytest

from benchmarks import joint_layers


def test_the_trained_layers_jointly_and_alone_are_as_documented() -> None:
    """What docs/stacks.md says of the three layers trained on IMDB."""
    found = joint_layers.measure()
    for row, right in zip(found, json.loads(joint_layers.RESULTS.read_text())["rows"], strict=True):
        for way in ("alone", "jointly"):
            assert row[way] == pytest.approx(right[way], rel=1e-6)
    # Layer 3 alone forgets within three steps; in the network it remembers longest.
    alone, jointly = ([row[way]["time_constant"] for row in found] for way in ("alone", "jointly"))
    assert alone[2] < 3
    assert max(jointly) == jointly[2] > 5000
