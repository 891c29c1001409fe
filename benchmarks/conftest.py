"""What a results file says of the machine: what explains a time, and not whose it is."""

from __future__ import annotations

from typing import Any

from nullcline._versions import versions


def pytest_benchmark_update_machine_info(config: object, machine_info: dict[str, Any]) -> None:
    """Add the packages' versions, and leave out the machine's name."""
    del config
    machine_info.pop("node", None)
    machine_info["packages"] = versions()
    cpu = machine_info.get("cpu", {})
    machine_info["cpu"] = {key: cpu.get(key) for key in ("brand_raw", "arch", "count")}


def pytest_benchmark_update_json(
    config: object, benchmarks: object, output_json: dict[str, Any]
) -> None:
    """Leave out what changes with every run and says nothing."""
    del config, benchmarks
    for benchmark in output_json["benchmarks"]:
        benchmark["stats"].pop("data", None)
