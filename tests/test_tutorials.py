"""The tutorials come to what they claim: what they printed when the site was built says so."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = r"([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"


def printed(site: Path, name: str) -> str:
    """Return all that a tutorial printed, as its page shows it."""
    page = (site / "generated" / "tutorials" / f"{name}.html").read_text(encoding="utf-8")
    outputs = re.findall(r"script-out-disp highlight.*?<code>(.*?)</code>", page, re.DOTALL)
    assert outputs, "nothing was printed"
    return html.unescape(re.sub(r"<[^>]*>", "", "\n".join(outputs)))


def number(text: str, pattern: str) -> float:
    """Return the number that stands at NUMBER in the pattern."""
    found = re.search(pattern.replace("NUMBER", NUMBER), text)
    assert found, f"{pattern} is not in:\n{text}"
    return float(found.group(1))


def test_the_flip_flop_network_has_the_points_of_three_bits(site: Path) -> None:
    """27: each bit up, down or undecided; a memory gives way at the fold, and not before."""
    said = printed(site, "01_flip_flop")
    assert number(said, "NUMBER% of the answers") > 99
    assert "27 points from 1000 starts: 27 fixed" in said
    found = {int(k): int(n) for n, k in re.findall(r"(\d+) points with (\d) unstable", said)}
    assert found == {0: 8, 1: 12, 2: 6, 3: 1}
    assert "all stable: True" in said
    assert 3 <= number(said, "NUMBER fixed points on the curve") <= 27
    assert 0 < number(said, "an input of NUMBER") < 1
    assert number(said, "after 98% of it: NUMBER") < -0.8
    assert number(said, "after 102% of it: NUMBER") > 0.8


def test_the_classifier_has_two_verdicts_and_its_shares_add_up(site: Path) -> None:
    said = printed(site, "02_text_classifier")
    assert number(said, "NUMBER% of the test reviews") > 95
    assert sorted(re.findall(r"point \d: fixed, (\w+)", said)) == ["stable", "stable", "unstable"]
    assert number(said, "true valences: NUMBER") > 0.8
    parts = [
        number(said, pattern)
        for pattern in ("Words NUMBER", "beginning NUMBER", "undecided NUMBER")
    ]
    assert abs(sum(parts) - number(said, "logit NUMBER[.]\n")) < 0.02
    assert number(said, "sum is off by NUMBER") < 1e-12
    assert number(said, "at most NUMBER from those") < 1e-9


def test_the_program_for_fixedpointfinder_finds_what_descent_does_not(site: Path) -> None:
    said = printed(site, "03_from_fixed_point_finder")
    assert number(said, "NUMBER% of the answers") > 99
    assert "27 unique points from 1024 starts" in said
    assert number(said, "stable: NUMBER") == 8
    assert number(said, "descent of q +NUMBER") > 27
    assert re.search(r"nullcline +27 +1024 of 1024", said)
    assert "27 of 27 are proved" in said
