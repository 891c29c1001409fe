"""What a wheel is before it is published: named by the platform that it runs on, whole, repeatable.

    python -m testing.wheels repair FOLDER DIST         # of `make wheel`
    python -m testing.wheels check DIST --python PYTHON # of `make check-wheel`

It runs in the environment of those who build the package, with their tools on the PATH.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
MODULE = "nullcline/_native/_core."
BILL = ".dist-info/sboms/nullcline.cdx.json"


class WheelError(Exception):
    """A wheel that is not to be published, and why."""


def run(*command: str | Path) -> str:
    """Run a command and return what it writes; it says itself what was wrong."""
    ended = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if ended.returncode != 0:
        raise WheelError(f"{Path(command[0]).name} {command[1]} failed:\n{ended.stdout}")
    return ended.stdout


def repair(wheel: Path, dist: Path) -> Path:
    """Write the wheel under the name of the oldest Linux that it runs on; elsewhere, copy it."""
    dist.mkdir(parents=True, exist_ok=True)
    if sys.platform != "linux":
        return Path(shutil.copy(wheel, dist))
    with tempfile.TemporaryDirectory() as folder:
        run("auditwheel", "repair", "--wheel-dir", folder, wheel)
        (repaired,) = Path(folder).glob("*.whl")
        return Path(shutil.move(repaired, dist / repaired.name))


def check_contents(wheel: Path) -> None:
    """Require the compiled module, the licence and a bill of materials, and nothing of the build.

    Raises
    ------
    WheelError
        If something of it is missing, or is not to be there.
    """
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        modules = [name for name in names if name.startswith(MODULE) and name.endswith(".so")]
        if len(modules) != 1:
            raise WheelError(f"{wheel.name} has {len(modules)} compiled cores and not one")
        for end in (".dist-info/licenses/LICENSE", BILL, "nullcline/py.typed"):
            if not any(name.endswith(end) for name in names):
                raise WheelError(f"{wheel.name} has no {end}")
        code = archive.read(modules[0])
        for leftover in (b".debug_info", b"pip-build-env", bytes(ROOT)):
            if leftover in code:
                raise WheelError(f"{modules[0]} in {wheel.name} holds {leftover.decode()!r}")
        check_bill(archive.read(next(name for name in names if name.endswith(BILL))).decode())


def check_bill(text: str) -> None:
    """Require a bill of materials by CycloneDX's own schema, with every version filled in."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise WheelError(f"the bill of materials is not CycloneDX's: {error}")
    bill = json.loads(text)
    for part in [bill["metadata"]["component"], *bill["components"]]:
        if part.get("version") == "":
            raise WheelError(f"the bill of materials has no version of {part['name']}")


def build_again(source: Path, python: str, folder: Path) -> Path:
    """Return a wheel that is built elsewhere, of the published source."""
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    built = folder / "built"
    run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", built, tree)
    (wheel,) = built.glob("*.whl")
    return repair(wheel, folder / "repaired")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check(dist: Path, python: str) -> None:
    """Check all wheels in a folder, and that the one of a Python comes of the source once more.

    Raises
    ------
    WheelError
        If one is not to be published.
    """
    for wheel in sorted(dist.glob("*.whl")):
        if "-linux_" in wheel.name:
            raise WheelError(f"{wheel.name} says of no Linux that it runs on it: auditwheel repair")
        run("check-wheel-contents", wheel)
        check_contents(wheel)
        sys.stdout.write(f"{wheel.name}: contents and bill of materials are right\n")
    with tempfile.TemporaryDirectory() as folder:
        (source,) = dist.glob("*.tar.gz")
        again = build_again(source, python, Path(folder))
        published = dist / again.name
        if digest(again) != digest(published):
            raise WheelError(f"{published.name} built again of {source.name} is another file")
    sys.stdout.write(f"{published.name}: of {source.name} it is the same, {digest(published)}\n")


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    repairing = commands.add_parser("repair")
    repairing.add_argument("folder", type=Path)
    repairing.add_argument("dist", type=Path)
    checking = commands.add_parser("check")
    checking.add_argument("dist", type=Path)
    checking.add_argument("--python", default=sys.executable)
    given = parser.parse_args()
    try:
        if given.command == "repair":
            for wheel in sorted(given.folder.glob("*.whl")):
                sys.stdout.write(f"{repair(wheel, given.dist)}\n")
        else:
            check(given.dist, given.python)
    except WheelError as error:
        sys.exit(f"wheels: {error}")


if __name__ == "__main__":
    main()
