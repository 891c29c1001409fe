"""
A line attractor, measured
==========================

A network that adds up its input holds the sum along a line of all but fixed points. How long the
line is, how wide, and whether the readout points along it, are numbers.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(2)
units = 30

# %%
# The recurrence all but balances the decay in one direction: a gain close to 1 integrates.
line = rng.choice([-1.0, 1.0], units) * rng.uniform(0.5, 1.5, units)
line /= np.linalg.norm(line)
weights = 1.04 * np.outer(line, line) + 0.3 * rng.normal(size=(units, units)) / units**0.5
weights -= np.outer(weights @ line - 1.04 * line, line)
into = np.column_stack([line, 0.5 * rng.normal(size=(units, 3)) / units**0.5])
cell = nc.LeakyRNN(into, weights, np.zeros(units), alpha=0.2)

# %%
# Visited states: pulses of input, added up; three more inputs disturb.
state, states = np.zeros((100, units)), []
for _ in range(80):
    state = cell.step(state, rng.normal(size=(100, 4)) * [0.5, 1, 1, 1])
    states.append(state)
states = np.concatenate(states[10:])[::4]
points = nc.find_fixed_points(cell, states[::20], tol_slow=1e-4).unique()
traced = nc.trace(cell, points.select("fixed").select([0]), largest_step=0.1)
measured = nc.measure_line_attractor(cell, traced.curves[0], states, readout=line)

# %%
# The line over the states, the states' distance to it, and where its directions point.
with plotting.style():
    plotting.line_attractor(measured, states, points)
