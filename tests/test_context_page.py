"""The page on modifiers shows what its committed numbers say, by the rules as they stand."""

from __future__ import annotations

import json
from pathlib import Path

from docs.context_tables import with_results
from nullcline.study.context_claims import CONTEXT_CLAIMS

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "context.md").read_text("utf-8")
RESULTS = [
    json.loads(path.read_text("utf-8")) for path in sorted((DOCS / "context").glob("*.json"))
]


def test_the_tables_are_those_of_the_numbers() -> None:
    assert RESULTS
    assert with_results(PAGE, RESULTS) == PAGE


def test_every_network_is_asked_every_claim() -> None:
    for network in RESULTS:
        assert list(network["claims"]) == [claim.name for claim in CONTEXT_CLAIMS]
