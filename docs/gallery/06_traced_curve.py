"""
A slow manifold, traced
=======================

Where a network is slow but does not rest, the points that a search finds are few, and the curve
that they lie on says more. `trace` follows it; τ and the speed q are drawn along it.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(5)
units = 24

# %%
# Two bits, of which one is just lost: a little more drive, and there would be a memory again in
# place of the ghost.
bits = np.zeros((2, units))
bits[0, : units // 2], bits[1, units // 2 :] = rng.choice([-1.0, 1.0], (2, units // 2))
weights = 1.5 * bits.T @ bits / (units // 2) + 0.3 * rng.normal(size=(units, units)) / units**0.5
cell = nc.LeakyRNN(bits.T, weights, -0.16 * bits[0], alpha=0.2)
starts = rng.uniform(-1, 1, (200, 2)) @ bits
points = nc.find_fixed_points(cell, starts, tol_slow=1e-3).unique()
traced = nc.trace(cell, points.select("slow"), largest_step=0.1, tol_slow=1e-3)

# %%
# States on their way, over the curve that they follow.
path = [starts[:60]]
for _ in range(40):
    path.append(cell.step(path[-1]))
states = np.concatenate(path[5:])
with plotting.style():
    plotting.curve(traced, states)

# %%
# At a fixed point τ is zero; where |τ| has a minimum and is not, the curve passes by a ghost.
with plotting.style():
    plotting.curve_profile(traced)
