"""The study completes what its search of a layer met, and says what no start ended in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import nullcline as nc
from docs import refresh
from nullcline.completeness.found import WAYS
from nullcline.study.completion import complete
from nullcline.study.reproduce import write_page
from nullcline.study.settings import AnalysisSettings
from nullcline.study.table import table_rows
from testing.gru_samples import cell_of, independent_units
from testing.study_samples import layer, network
from testing.tiny_study import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path

CELL = cell_of(independent_units(np.array([2.0, 3.0]), np.zeros(2)))
"""Nine fixed points: the combinations of three of either unit."""

ANALYSIS = AnalysisSettings(n_threads=1)


def search(*starts: list[float]) -> nc.FixedPoints:
    return nc.find_fixed_points(CELL, np.array(starts), n_threads=1)


def test_what_the_search_missed_is_found_and_follows_what_it_met() -> None:
    met = search([0.9, 0.9], [0.8, 0.9], [0.9, -0.9])
    unique, how = complete(CELL, met, ANALYSIS)
    assert len(unique) == 9
    assert unique.completeness().summary == "index sum 1"
    np.testing.assert_array_equal(unique.h[:2], met.unique().h)
    assert sorted(unique.count[:2]) == [1, 2]
    assert not unique.count[2:].any()
    assert how[:2].tolist() == ["search", "search"]
    assert set(how[2:]) <= set(WAYS)
    assert "fiber" in how


def test_a_search_that_met_all_is_left_as_it_is() -> None:
    grid = [[a, b] for a in (-0.95, 0.0, 0.95) for b in (-0.99, 0.0, 0.99)]
    met = search(*grid)
    unique, how = complete(CELL, met, ANALYSIS)
    np.testing.assert_array_equal(unique.h, met.unique().h)
    np.testing.assert_array_equal(unique.count, met.unique().count)
    assert set(how) == {"search"}


def test_a_search_without_a_fixed_point_is_completed_too() -> None:
    met = search([0.9, 0.9])
    none = met.select(met.kind == "slow")
    unique, how = complete(CELL, none, ANALYSIS)
    assert len(unique) == 9
    assert "search" not in how


COMPLETED = layer(
    1,
    kinds=("fixed",) * 3 + ("slow",),
    counts=(3, 2, 0, 1),
    how=np.array(["search", "search", "fiber", "search"]),
    degree="index sum 1",
    completeness="consistent",
)


def test_pages_say_which_points_no_start_ended_in(tmp_path: Path) -> None:
    assert COMPLETED.beyond_search == "1 by fiber"
    assert [point["how"] for point in COMPLETED.to_json()["points"]].count("fiber") == 1
    write_page(tmp_path, [network(COMPLETED)], SETTINGS, AnalysisSettings(), command="", seconds=0)
    page = (tmp_path / "index.html").read_text("utf-8")
    assert "3 (3) / 1, 1 by fiber</td>" in page
    assert "3 fixed (1 by fiber; index sum 1), 1 slow" in page
    early = layer(1)
    assert early.beyond_search == ""
    assert "how" not in early.to_json()["points"][0]


def test_the_studys_tables_say_it() -> None:
    (row,) = table_rows(network(COMPLETED, corpus="imdb"))
    assert (row["fixed"], row["beyond_search"], row["degree"]) == (3, "1 by fiber", "index sum 1")
    assert "| 3 (1 by fiber), 1 | 1 |" in refresh.network_table([row])
    assert "| 3 (1 by fiber), 1 | 1 |" in refresh.varied_table([row])
    missed = {**row, "fixed": 2, "beyond_search": "", "degree": "index sum 2: incomplete"}
    assert "| 2, 1 | 2: incomplete |" in refresh.network_table([missed])
    del missed["degree"], missed["beyond_search"]
    assert "| 2 (incomplete), 1 | – |" in refresh.network_table([missed])
