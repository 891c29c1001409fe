"""Workflows call what runs on any machine, with few rights, and on every Python that there is."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from testing.releases import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
MAKEFILE = "\n".join(
    file.read_text("utf-8") for file in (ROOT / "Makefile", *(ROOT / "packaging").glob("*.mk"))
)
PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")


pytestmark = pytest.mark.skipif(not FILES, reason="the published source has no workflows")


def workflow(name: str) -> dict[Any, Any]:
    """Return a workflow as it is written; its key `on` is True to YAML."""
    found: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text("utf-8"))
    return found


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every job, with where it is."""
    for file in FILES:
        for name, job in workflow(file.name)["jobs"].items():
            yield f"{file.name}: {name}", job


JOBS = dict(jobs())


def is_target(name: str) -> bool:
    """Return whether the Makefile has a rule for a target."""
    return (
        re.search(rf"^(?:[\w-]+ )*{re.escape(name)}(?: [\w-]+)*:", MAKEFILE, re.MULTILINE)
        is not None
    )


@pytest.mark.parametrize("where", JOBS)
def test_a_step_is_a_target_of_the_makefile(where: str) -> None:
    for step in JOBS[where].get("steps", []):
        if "run" in step:
            make, *words = step["run"].split()
            targets = [word for word in words if "=" not in word]
            assert make == "make"
            assert targets
            assert all(map(is_target, targets)), step["run"]


def test_what_is_no_target_is_told() -> None:
    assert is_target("tests")
    assert is_target("sanitize")
    assert not is_target("test-everything")
    assert not is_target("mkdir")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_actions_are_pinned_by_commit_and_say_which_version(file: Any) -> None:
    for line in file.read_text("utf-8").splitlines():
        if found := re.search(r"uses: (?!\./)(.+)", line):
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", found[1]), line


def test_an_action_has_one_version_everywhere() -> None:
    found = {use for file in FILES for use in re.findall(r"uses: (.+@.+)", file.read_text("utf-8"))}
    assert len({use.split("@")[0] for use in found}) == len(found)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_workflow_has_no_rights_of_its_own_and_ends_what_is_out_of_date(file: Any) -> None:
    found = workflow(file.name)
    assert found["permissions"] == {}
    assert "cancel-in-progress" in found["concurrency"]


@pytest.mark.parametrize("where", JOBS)
def test_a_job_has_the_rights_that_it_needs_and_an_end(where: str) -> None:
    job = JOBS[where]
    assert "permissions" in job
    assert "uses" in job or 0 < job["timeout-minutes"] <= 180
    writes = {name for name, right in job["permissions"].items() if right == "write"}
    publishes = {
        "docs.yml: publish": {"pages", "id-token"},
        "release.yml: publish": {"id-token", "attestations", "artifact-metadata"},
        "release.yml: announce": {"contents"},
        "release.yml: image": {"packages"},
    }
    assert writes == publishes.get(where, set())


def test_every_python_that_the_package_takes_is_tested() -> None:
    matrix = JOBS["tests.yml: tests"]["strategy"]["matrix"]["python"]
    (oldest,) = re.findall(r'^requires-python = ">=3\.(\d+)"$', PROJECT, re.MULTILINE)
    assert matrix == [f"3.{minor}" for minor in range(int(oldest), int(oldest) + len(matrix))]
    assert f"CPython {matrix[0]} to {matrix[-1]}" in (ROOT / "docs" / "stability.md").read_text(
        "utf-8"
    )


def test_what_is_released_was_checked_built_and_attested_before() -> None:
    order = ["check", "build", "publish", "announce"]
    for earlier, later in itertools.pairwise(order):
        assert JOBS[f"release.yml: {later}"]["needs"] == earlier
    uses = [step["uses"].split("@")[0] for step in JOBS["release.yml: publish"]["steps"]]
    assert uses[-1] == "pypa/gh-action-pypi-publish"
    assert {"actions/attest-build-provenance", "actions/attest"} <= set(uses[:-1])


def test_the_recipe_asks_for_what_the_wheel_asks_for() -> None:
    recipe = yaml.safe_load((ROOT / "recipe" / "recipe.yaml").read_text("utf-8"))
    (listed,) = re.findall(r"^dependencies = \[\n(.*?)^\]", PROJECT, re.MULTILINE | re.DOTALL)
    (built,) = re.findall(r"^requires = \[(.*)\]", PROJECT, re.MULTILINE)
    run, host = (recipe["requirements"][part] for part in ("run", "host"))
    plain = {line.replace(" ", "") for line in run} - {"python"}
    assert plain == set(re.findall(r'^ *"([^"]+)"', listed, re.MULTILINE))
    asked = {line.replace(" ", "") for line in host}
    assert set(re.findall(r'"([^"]+)"', built)) <= asked
