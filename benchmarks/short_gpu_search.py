"""A short search on a GPU through every solver, for compute-sanitizer to watch."""

from __future__ import annotations

import nullcline as nc
from networks import trained

METHODS = ("auto", "krylov", "lm", "newton", "gradient")

if __name__ == "__main__":
    network = trained("synthetic-1-layer")
    for method in METHODS:
        points = nc.find_fixed_points(
            network.cell, network.starts[:40], method=method, max_iterations=15, device="cuda"
        )
        print(method, points)
