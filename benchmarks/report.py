"""Make the record, the plots and the tables of what was measured.

`python -m benchmarks.report SEARCHES SCALING` takes the file that pytest-benchmark wrote of
`test_rivals.py` and the one of `scaling.py`, and writes `results/cpu.json`, the figures of
`docs/images` and the tables between the marks in README.md and docs/speed.md.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from nullcline.plotting.theme import BLACK, BLUE, DPI, GREY, ORANGE, VERMILION, style
from testing.marked import fill_tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes

ROOT = Path(__file__).absolute().parent.parent
REFERENCE = "nullcline, auto"
PLACES = ("fixed", "ghost", "elsewhere", "outside", "not finite")
SMALLEST_FITTED = 512
"""From this hidden size on, times are fitted by a power: below, fixed costs count."""

NETWORKS = {
    "imdb-1-layer": "IMDB, 1 layer, H = 256: a line attractor, one fixed point and one ghost",
    "synthetic-1-layer": "synthetic sentiment, 1 layer, H = 256: three fixed points",
}

Row = dict[str, Any]


def record(searches: Row, scaling: Row) -> Row:
    """Return all that was measured, in short."""
    runs: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for benchmark in searches["benchmarks"]:
        info = benchmark["extra_info"]
        runs[info["network"], info["contestant"]].append(benchmark)
    rows = []
    for (network, contestant), rounds in runs.items():
        info = rounds[0]["extra_info"]
        seconds = [benchmark["stats"]["median"] for benchmark in rounds]
        rows.append(
            {
                "network": network,
                "contestant": contestant,
                "n_starts": info["n_starts"],
                "all_seconds": seconds,
                "seconds": statistics.median(seconds),
                "ms_per_start": 1e3 * statistics.median(seconds) / info["n_starts"],
                **{place: info[place] for place in PLACES},
            }
        )
    for row in rows:
        ours = next(
            other
            for other in rows
            if (other["network"], other["contestant"]) == (row["network"], REFERENCE)
        )
        row["ratio"] = row["ms_per_start"] / ours["ms_per_start"]
    machine = searches["machine_info"]
    return {
        "machine": machine["cpu"],
        "packages": machine["packages"],
        "searches": rows,
        "exponents": _exponents(scaling["sizes"]),
        **scaling,
    }


def _exponents(rows: Iterable[Row]) -> dict[str, float]:
    """Fit seconds = c Hᵖ to the larger sizes of every contestant that reached three of them."""
    found = {}
    for name, series in _series(rows).items():
        fitted = [row for row in series if row["hidden_size"] >= SMALLEST_FITTED]
        if len(fitted) >= 3:
            sizes, seconds = ([row[key] for row in fitted] for key in ("hidden_size", "seconds"))
            found[name] = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
    return found


def _series(rows: Iterable[Row]) -> dict[str, list[Row]]:
    series: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        series[row["contestant"]].append(row)
    return dict(series)


# Tables


def search_table(result: Row, network: str) -> str:
    """Return a Markdown table of all searches of one network."""
    lines = [
        "| search | starts | ms per start (min–max) | against `auto` | at the fixed points | "
        "at the ghost | elsewhere | outside of the cube |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in result["searches"]:
        if row["network"] != network:
            continue
        n = row["n_starts"]
        low, high = (1e3 * f(row["all_seconds"]) / n for f in (min, max))
        name = re.sub(r"^nullcline, (.*)$", r"**nullcline, `\1`**", row["contestant"])
        lost = f" (+ {row['not finite']} not finite)" if row["not finite"] else ""
        lines.append(
            f"| {name} | {n} | {_short(row['ms_per_start'])} ({_short(low)}–{_short(high)}) "
            f"| {_short(row['ratio'])} | {row['fixed']} | {row['ghost']} | {row['elsewhere']} "
            f"| {row['outside']}{lost} |"
        )
    return "\n".join(lines)


def size_table(result: Row) -> str:
    """Return a Markdown table of seconds and memory against the hidden size."""
    series = _series(result["sizes"])
    sizes = sorted({row["hidden_size"] for row in result["sizes"]})
    lines = [
        "| H | " + " | ".join(name.replace("nullcline, ", "") for name in series) + " |",
        "|---:|" + "---:|" * len(series),
    ]
    for size in sizes:
        cells = []
        for rows in series.values():
            row = next((row for row in rows if row["hidden_size"] == size), None)
            cells.append(f"{_short(row['seconds'])} s, {row['bytes'] / 1e6:.0f} MB" if row else "—")
        lines.append(f"| {size} | " + " | ".join(cells) + " |")
    powers = [f"{result['exponents'][n]:.2f}" if n in result["exponents"] else "" for n in series]
    lines.append("| exponent | " + " | ".join(powers) + " |")
    return "\n".join(lines)


def ghost_table(result: Row) -> str:
    """Return a Markdown table of the wide networks that have a ghost."""
    lines = ["| H | seconds | peak memory |", "|---:|---:|---:|"]
    for row in result["ghosts"]:
        memory = f"{row['bytes'] / 1e6:.0f} MB"
        lines.append(f"| {row['hidden_size']} | {_short(row['seconds'])} | {memory} |")
    return "\n".join(lines)


def count_table(result: Row) -> str:
    """Return a Markdown table of seconds and memory against the number of starts."""
    lines = ["| starts | seconds | ms per start | peak memory |", "|---:|---:|---:|---:|"]
    for row in result["counts"]:
        per_start = 1e3 * row["seconds"] / row["n_starts"]
        lines.append(
            f"| {row['n_starts']:,} | {_short(row['seconds'])} | {_short(per_start)} "
            f"| {row['bytes'] / 1e6:.0f} MB |"
        )
    return "\n".join(lines)


def hardware_table(result: Row) -> str:
    """Return a Markdown table of what a start costs in the hardware's own units."""
    hardware = result["hardware"]
    getrf, cores = hardware["getrf_seconds"], result["counts"][0]["n_threads"]
    one, two = (row["seconds"] for row in result["threads"])
    lines = [
        "| on one core | |",
        "|---|---:|",
        f"| LU factorization of a 256 × 256 matrix (float64 `getrf`) | {1e3 * getrf:.2f} ms |",
        f"| products of a 500 × 256 by a 256 × 512 matrix, float64 "
        f"| {hardware['gemm_gflops_float64']:.0f} GFLOP/s |",
        f"| the same in float32 | {hardware['gemm_gflops_float32']:.0f} GFLOP/s |",
    ]
    for row in result["searches"]:
        if row["contestant"] == REFERENCE:
            lines += _start_lines(row["network"], 1e-3 * row["ms_per_start"] * cores, hardware)
    lines.append(
        f"| two threads against one ({result['threads'][0]['n_starts']:,} starts) "
        f"| {one / two:.2f}× |"
    )
    return "\n".join(lines)


def _start_lines(network: str, seconds: float, hardware: Row) -> list[str]:
    """Return the table's lines on a start of one network, which takes one core so long."""
    products = hardware["products_a_start"][network]
    # With W (2H x H), its transpose and the preconditioner (H x H), H = 256.
    gflop = 1e-9 * products * 2 * (512 + 512 + 256) * 256
    share = gflop / hardware["gemm_gflops_float32"] / seconds
    return [
        f"| a start of {network} by `auto`, in such factorizations "
        f"| {seconds / hardware['getrf_seconds']:.1f} |",
        f"| its products with W, with its transpose and with the preconditioner "
        f"| {products:.0f} each, {1e3 * gflop:.0f} MFLOP |",
        f"| the share of its time that they take at the rate of float32 | {100 * share:.0f} % |",
    ]


def _short(value: float) -> str:
    """Return three digits, without an exponent."""
    digits = max(0, 2 - int(np.floor(np.log10(abs(value))))) if value else 0
    return f"{value:,.{min(digits, 4)}f}"


def fill(path: Path, tables: dict[str, str]) -> None:
    """Put tables between their marks in a Markdown file."""
    fill_tables(path, tables)


# Figures


def search_figure(result: Row) -> Figure:
    """Draw the time of a start for every search, and where the starts ended."""
    with style():
        figure = Figure(figsize=(9.2, 3.9), layout="constrained")
        axes = figure.subplots(1, len(NETWORKS), sharey=True)
        for ax, network in zip(axes, NETWORKS, strict=True):
            _draw_searches(ax, [row for row in result["searches"] if row["network"] == network])
            ax.set_title(NETWORKS[network].replace(": ", "\n"))
        axes[0].invert_yaxis()  # the axes share it: ours come first
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


def _draw_searches(ax: Axes, rows: list[Row]) -> None:
    """Draw one bar per search, as long as its time on a log scale, split by where its ends lie."""
    first = 10 ** np.floor(np.log10(min(row["ms_per_start"] for row in rows)))
    colours = dict(zip(("true", "elsewhere", "outside"), (BLUE, ORANGE, VERMILION), strict=True))
    labels = {
        "true": "ends at a fixed point or a ghost",
        "elsewhere": "ends elsewhere in the cube",
        "outside": "ends outside of it, or nowhere",
    }
    for i, row in enumerate(rows):
        parts = {
            "true": row["fixed"] + row["ghost"],
            "elsewhere": row["elsewhere"],
            "outside": row["outside"] + row["not finite"],
        }
        whole = np.log10(row["ms_per_start"] / first)
        left = 0.0
        for part, count in parts.items():
            share = whole * count / row["n_starts"]
            ax.barh(i, share, left=left, color=colours[part], label=labels[part] if i == 0 else "")
            left += share
        ax.text(whole + 0.05, i, f"{_short(row['ms_per_start'])} ms", va="center", fontsize=7.5)
    ax.set_yticks(range(len(rows)), [row["contestant"] for row in rows])
    longest = float(np.log10(max(row["ms_per_start"] for row in rows) / first))
    decades = range(int(longest) + 1)
    ax.set_xticks(list(decades), [f"{first * 10**decade:g}" for decade in decades])
    ax.set_xlim(0, longest + 0.9)  # room for the label
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("milliseconds per start")


def size_figure(result: Row) -> Figure:
    """Draw time and memory against the hidden size."""
    looks = {
        "nullcline, krylov": (BLUE, "o", "-"),
        "nullcline, auto": (BLUE, "s", "--"),
        "nullcline, lm": (BLUE, "^", ":"),
        "autograd Adam": (ORANGE, "v", "-"),
        "FixedPointFinder": (ORANGE, "D", "--"),
        "torch.func LM": (VERMILION, "P", "-"),
        "optimistix LM": (VERMILION, "X", "--"),
        "scipy hybr": (GREY, "h", "-"),
    }
    with style():
        figure = Figure(figsize=(9.2, 3.6), layout="constrained")
        times, memory = figure.subplots(1, 2)
        for name, rows in _series(result["sizes"]).items():
            colour, marker, line = looks[name]
            sizes = [row["hidden_size"] for row in rows]
            look = {"color": colour, "marker": marker, "linestyle": line, "markersize": 4.5}
            power = result["exponents"].get(name)
            label = name + (f" (H to the {power:.1f})" if power else "")
            times.loglog(sizes, [row["seconds"] for row in rows], label=label, **look)
            memory.loglog(sizes, [row["bytes"] / 1e6 for row in rows], **look)
        every = sorted({row["hidden_size"] for row in result["sizes"]})
        memory.loglog(every, [24 * size**2 / 1e6 for size in every], color=BLACK, linewidth=0.8)
        memory.annotate(
            "the weights themselves",
            (every[-3], 24 * every[-3] ** 2 / 1e6),
            textcoords="offset points",
            xytext=(-8, 10),
            ha="right",
            fontsize=8,
        )
        times.set_ylabel(f"seconds for {result['sizes'][0]['n_starts']} starts")
        memory.set_ylabel("peak memory beyond the network, MB")
        for ax in (times, memory):
            ax.set_xlabel("hidden size H")
            ax.set_xticks(every, [str(size) for size in every])
            ax.minorticks_off()
        figure.legend(loc="outside right center")
    return figure


def main(searches: Path, scaling: Path) -> None:
    """Write the record, the figures and the tables."""
    result = record(*(json.loads(p.read_text(encoding="utf-8")) for p in (searches, scaling)))
    out = ROOT / "benchmarks" / "results"
    out.mkdir(exist_ok=True)
    (out / "cpu.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    images = ROOT / "docs" / "images"
    search_figure(result).savefig(images / "speed-searches.png", dpi=DPI)
    size_figure(result).savefig(images / "speed-sizes.png", dpi=DPI)
    tables = {name: search_table(result, name) for name in NETWORKS} | {
        "sizes": size_table(result),
        "ghosts": ghost_table(result),
        "counts": count_table(result),
        "hardware": hardware_table(result),
    }
    for path in (ROOT / "README.md", ROOT / "docs" / "speed.md"):
        fill(path, tables)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
