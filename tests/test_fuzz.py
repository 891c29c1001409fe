"""Damaged files and odd arguments end in an answer or a documented exception: a short campaign."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testing.fuzz import api, campaign, faulty, reading

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_every_reader_reads_its_own_files(tmp_path: Path) -> None:
    for kind in reading.KINDS:
        for number, content in enumerate(reading.whole(kind)):
            said = reading.outcome(kind, content, tmp_path / "case")
            assert said == reading.ACCEPTED, f"{kind} {number}: {said}"


def test_damaged_files_end_in_an_answer_or_the_documented_exception() -> None:
    found = campaign.run(reading.judge, reading.KINDS, 24 * len(reading.KINDS), seed=3)
    for kind, counts in found.items():
        assert counts.cases == 24
        assert not counts.faults, f"{kind}: {counts.faults}"
        assert counts.outcomes[reading.ACCEPTED]
        assert counts.outcomes[reading.REFUSED]


def test_odd_arguments_end_in_an_answer_or_a_documented_exception() -> None:
    found = campaign.run(api.judge, api.KINDS, 25 * len(api.KINDS), seed=3)
    for kind, counts in found.items():
        assert not counts.faults, f"{kind}: {counts.faults}"
        assert counts.outcomes[api.REFUSED]


def test_a_campaign_counts_what_hangs_crashes_and_takes_memory(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(campaign, "LONGEST", 3.0)
    found = campaign.run(faulty.judge, faulty.KINDS, 3 * len(faulty.KINDS), seed=0)
    assert {kind: dict(counts.outcomes) for kind, counts in found.items()} == {
        "good": {"accepted": 3},
        "hanging": {"accepted": 2, "hang": 1},
        "crashing": {"accepted": 2, "crash": 1},
        "greedy": {"accepted": 2, "over memory": 1},
    }
    assert found["hanging"].as_json()["faults"] == {
        "hang: over 3.0 s": {"times": 1, "first": 1, "example": ""}
    }
