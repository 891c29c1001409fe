"""The page on reliability says what the campaigns found, and their commands are there."""

from __future__ import annotations

import importlib
import json

import pytest

from testing import reliability


def test_the_page_shows_what_the_campaigns_found() -> None:
    page = reliability.PAGE.read_text("utf-8")
    results = json.loads(reliability.RESULTS.read_text("utf-8"))
    assert set(results["campaigns"]) == set(reliability.CAMPAIGNS)
    assert reliability.with_table(page, results) == page


@pytest.mark.parametrize("command", reliability.CAMPAIGNS.values())
def test_campaigns_are_modules_with_an_entry(command: str) -> None:
    name = command.split(maxsplit=1)[0]
    module = importlib.import_module(f"{name}.__main__" if name == "testing.fuzz" else name)
    assert callable(getattr(module, "main", None) or getattr(module, "run", None))


def test_numbers_are_found_by_the_names_that_lead_to_them() -> None:
    found = {"a": {"b": 1, "by kind": {"c": 2}}, "d": 3, "seed": 4, "e": "text", "f": True}
    assert reliability.counts(found) == {"a, b": 1, "d": 3}
