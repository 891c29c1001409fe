"""What CUDA's compilers make of the kernels: instructions, registers and spills, without a GPU."""

from __future__ import annotations

import re
import resource
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ARCHITECTURES = (80, 90)
SOURCES = ("search_double", "search_float")
LARGEST = 10
"""How many kernels are listed: all others are small."""

Row = dict[str, Any]


def compile_kernels(source: str, architecture: int, folder: Path) -> tuple[Path, str, float]:
    """Return the cubin, what ptxas said, and the seconds of a processor that it took."""
    cubin = folder / f"{source}.cubin"
    command = ["nvcc", "-std=c++20", "-O3", "-DNULLCLINE_GPU=cuda", "--expt-relaxed-constexpr"]
    command += [f"-arch=sm_{architecture}", "-cubin", "-Xptxas", "-v"]
    command += [f"-I{ROOT}/cpp/include", f"-I{ROOT}/cpp/cuda", "-o", str(cubin)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    command.append(f"{ROOT}/cpp/cuda/{source}.cu")
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return cubin, ran.stdout + ran.stderr, seconds


def instructions(cubin: Path) -> dict[str, int]:
    """Return how many instructions each kernel has with the functions that it calls.

    The code of a kernel is a section of its own, and each instruction takes 16 bytes.
    """
    data = cubin.read_bytes()
    (table,) = struct.unpack_from("<Q", data, 40)
    entry, count, names_at = struct.unpack_from("<HHH", data, 58)
    headers = [struct.unpack_from("<IIQQQQ", data, table + i * entry) for i in range(count)]
    names = headers[names_at][4]
    found = {}
    for name_at, _, _, _, _, size in headers:
        begin = names + name_at
        name = data[begin : data.index(b"\0", begin)].decode()
        if name.startswith(".text."):
            found[name.removeprefix(".text.")] = size // 16
    return found


def resources(said: str) -> dict[str, Row]:
    """Return registers, stack, spills and shared memory, by kernel, from what ptxas said."""
    found: dict[str, Row] = {}
    for part in said.split("Compiling entry function '")[1:]:
        name = part[: part.index("'")]
        spills = re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", part)
        found[name] = {
            "registers": number(r"Used (\d+) registers", part),
            "stack": number(r"(\d+) bytes cumulative stack size", part),
            "spill stores": sum(int(stores) for stores, _ in spills),
            "spill loads": sum(int(loads) for _, loads in spills),
            "shared": number(r"(\d+) bytes smem", part),
        }
    return found


def number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def readable(mangled: str) -> str:
    """Return what a kernel is made for, as far as it tells kernels apart."""
    names = [mangled[end : end + length] for end, length in _parts(mangled)]
    skipped = {"nullcline", "cuda", "gpu", "run_kernel", "CellEquation", "std", "Request"}
    kept = [name for name in names if name not in skipped]
    request = re.search(r"RequestE(\d+)", mangled)
    return " ".join([*kept, *([f"request {request[1]}"] if request else [])])


def _parts(mangled: str) -> list[tuple[int, int]]:
    """Return where the names in a mangled one stand, and how long they are."""
    found, at = [], 2
    while match := re.compile(r"\d+").search(mangled, at):
        length = int(match[0])
        at = match.end()
        if mangled[match.start() - 1] in "ELjm" and not mangled[at : at + 1].isalpha():
            continue
        if mangled[at : at + length].isidentifier() and length > 2:
            found.append((at, length))
            at += length
    return found


def code() -> list[Row]:
    """Compile all sources for all architectures, and return what each came to."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for architecture in ARCHITECTURES:
            for source in SOURCES:
                cubin, said, seconds = compile_kernels(source, architecture, Path(folder))
                sizes, used = instructions(cubin), resources(said)
                kernels = [
                    {"kernel": readable(name), "instructions": size, **used.get(name, {})}
                    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:LARGEST]
                ]
                row = {
                    "source": source,
                    "architecture": architecture,
                    "processor seconds": round(seconds, 1),
                    "instructions": sum(sizes.values()),
                    "n_kernels": len(sizes),
                    "kernels": kernels,
                }
                rows.append(row)
                print(code_line(row), flush=True)
    return rows


def code_line(row: Row) -> str:
    largest = "; ".join(
        f"{kernel['kernel']}: {kernel['instructions']:,}, {kernel['registers']} registers, "
        f"{kernel['stack']} B stack, {kernel['spill loads']} B spilled"
        for kernel in row["kernels"][:5]
    )
    return (
        f"{row['source']} sm_{row['architecture']}: {row['instructions']:,} instructions in "
        f"{row['n_kernels']} kernels, {row['processor seconds']} s to compile; {largest}"
    )
