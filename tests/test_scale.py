"""The programs of docs/scale.md do what the page says, where what they need is installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import nullcline as nc
from benchmarks import scale
from testing.marked import with_tables
from testing.search_checks import assert_equal

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE = (Path(__file__).parent.parent / "docs" / "scale.md").read_text("utf-8")
PROGRAMS = dict(re.findall(r'(?ms)^```python title="(\w+\.py)"\n(.*?)^```\n', PAGE))
RNG = np.random.default_rng(0)
WEIGHTS = {
    "weight_ih_l0": RNG.normal(size=(12, 2)),
    "weight_hh_l0": 2 * RNG.normal(size=(12, 4)),
    "bias_ih_l0": RNG.normal(size=12) / 2,
    "bias_hh_l0": np.zeros(12),
}
STARTS = RNG.uniform(-1, 1, (50, 4))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save: Any = pytest.importorskip("safetensors.numpy").save_file
    monkeypatch.chdir(tmp_path)
    save(WEIGHTS, "model.safetensors")
    np.save("starts.npy", STARTS)
    for name, program in PROGRAMS.items():
        Path(name).write_text(program, "utf-8")


def run(*command: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a program as a user would, and check the points that it stores."""
    paths = os.pathsep.join(path for path in sys.path if path)
    ended = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **(environment or {})},
    )
    assert ended.returncode == 0, ended.stderr
    expected = nc.find_fixed_points(nc.from_safetensors("model.safetensors")[0], STARTS)
    assert repr(expected.unique()) in ended.stdout
    assert_equal(nc.StoredPoints("points.zarr").load(), expected)


def test_a_cluster_of_dask_searches() -> None:
    pytest.importorskip("distributed")
    run(sys.executable, "with_dask.py")


def test_ranks_of_mpi_search() -> None:
    pytest.importorskip("mpi4py")
    mpirun = shutil.which("mpirun", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if mpirun is None:
        pytest.skip("there is no mpirun")
    as_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    more = {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}  # on a machine of one core
    command = mpirun, "-n", "2", sys.executable, "-m", "mpi4py.futures", "with_mpi.py"
    run(*command, environment={**as_root, **more})


def test_processes_of_joblib_search() -> None:
    pytest.importorskip("joblib")
    run(sys.executable, "with_joblib.py")


def test_workers_of_ray_search() -> None:
    pytest.importorskip("ray", reason="Ray, of 70 MB, is not among what tests install")
    run(sys.executable, "with_ray.py")


def test_the_script_of_a_job_is_that_of_the_page() -> None:
    pytest.importorskip("dask_jobqueue")
    names: dict[str, Any] = {"__name__": "of_a_test"}
    exec(PROGRAMS["with_slurm.py"], names)  # noqa: S102 - what the page tells its readers to run
    with names["cluster_of_jobs"](interface="lo", python="PYTHON") as cluster:
        script = re.sub(r"tcp://[\d.:]+", "tcp://SCHEDULER", cluster.job_script())
    (shown,) = re.findall(r"(?ms)^```bash\n(.*?)^```\n", PAGE)
    assert script.replace(" --interface lo", "").split() == shown.split()


def test_the_tables_are_those_of_the_results() -> None:
    result = json.loads(scale.RESULTS.read_text("utf-8"))
    assert with_tables(PAGE, scale.tables(result)) == PAGE


def test_what_is_computed_is_held_up_by_the_slowest() -> None:
    sender = {
        "chunk_size": 1000,
        "bytes_out_per_start": 1000.0,
        "bytes_back_per_start": 1000.0,
        "ms_sent_per_chunk": 10.0,  # 100 chunks a second
    }
    fast = {"executor": "any", "tasks_a_second_2": 1e9, "mb_a_second": 1e9}
    by_tasks, by_bytes = {**fast, "tasks_a_second_2": 50.0}, {**fast, "mb_a_second": 20.0}
    rows = scale.model(1e-3, [sender], [fast, by_tasks, by_bytes])
    assert [row["chunks_a_second"] for row in rows] == [100, 50, 10]
    assert [row["workers_at_saturation"] for row in rows] == [100, 50, 10]
    # 10,000 chunks, each of a second: 100 s to send, where 1,000 workers alone would take 10 s.
    assert rows[0]["minutes"] == pytest.approx(101 / 60)
    assert rows[0]["efficiency"] == pytest.approx(10 / 101)
