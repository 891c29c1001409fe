"""The page on word vectors shows what its committed numbers say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs import embeddings
from docs.embeddings_tables import with_results
from nullcline.study.embeddings import OBSERVATIONS
from tests.test_embeddings import made_up

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "embeddings.md").read_text("utf-8")


def test_the_tables_are_those_of_the_numbers() -> None:
    files = sorted((DOCS / "embeddings").glob("*.json"))
    results = [json.loads(path.read_text("utf-8")) for path in files]
    assert results
    assert with_results(PAGE, results) == PAGE


def test_the_numbers_of_a_sweep_are_kept_and_shown(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {**row, "test_accuracy": 0.123456789, "proved": 1, "trained": row["seed"] != 2}
        for row in made_up(seeds=3)
    ]
    about = {"command": "__main__.py sweep --seeds 0 --resume", "nullcline": "1.2"}
    table = pa.Table.from_pylist(rows).replace_schema_metadata(about)
    (tmp_path / "run").mkdir()
    pq.write_table(table, tmp_path / "run" / "results.parquet")
    (tmp_path / "embeddings.md").write_text(PAGE, "utf-8")
    embeddings.main([tmp_path / "run"], tmp_path)
    kept = json.loads((tmp_path / "embeddings" / "sst.json").read_text())
    assert kept["command"] == "nullcline sweep --seeds 0"
    assert len(kept["rows"]) == 8
    assert kept["rows"][0]["test_accuracy"] == 0.123457
    assert "proved" not in kept["rows"][0]
    page = (tmp_path / "embeddings.md").read_text("utf-8")
    assert "| sst, GRU | word2vec, learned | 2 | 0.123 |" in page
    assert f"| sst, GRU | {OBSERVATIONS['time_constants']} | 0.00 (0.00–0.00) | 1.00 |" in page
    embeddings.main([], tmp_path)
    assert (tmp_path / "embeddings.md").read_text("utf-8") == page
