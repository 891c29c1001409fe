"""A short search on a GPU through every solver, for compute-sanitizer to watch."""

from __future__ import annotations

import numpy as np

import nullcline as nc
from benchmarks.networks import trained
from nullcline.gpu import availability
from testing.every_cell import random_network
from testing.gpu_alone import all_on_the_gpu

METHODS = ("auto", "krylov", "lm", "newton", "gradient")

if __name__ == "__main__":
    alone = all_on_the_gpu(availability.gpu_module())
    availability.gpu_module = lambda: alone
    network = trained("synthetic-1-layer")
    lstm = random_network("lstm", 12, 3)
    states = np.random.default_rng(0).uniform(-1, 1, (40, lstm.state_size))
    for cell, starts in ((network.cell, network.starts[:40]), (lstm.cell(), states)):
        for method in METHODS:
            points = nc.find_fixed_points(
                cell, starts, method=method, max_iterations=15, device="cuda"
            )
            print(type(cell).__name__, method, points)
