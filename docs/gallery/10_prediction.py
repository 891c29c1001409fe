"""
How far a linear map holds
==========================

The linearization around a point predicts the next state well near it, and less well further away.
R² against the distance says how near is near.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(0)
units, inputs = 30, 4

# %%
# A GRU with random weights and one fixed point, driven by sequences of inputs.
cell = nc.GRU(
    rng.normal(size=(3 * units, inputs)) / inputs**0.5,
    1.5 * rng.normal(size=(3 * units, units)) / units**0.5,
    np.zeros(3 * units),
    np.zeros(3 * units),
)
sequences = 0.3 * rng.normal(size=(40, 25, inputs))
points = nc.find_fixed_points(cell, rng.uniform(-0.5, 0.5, (50, units))).unique().select("fixed")
modes = nc.linearize(cell, points)

# %%
# One step from states at every distance, and whole sequences from the fixed point.
scale = rng.uniform(0.1, 2, (2000, 1))
states = points.h[:1] + scale * rng.uniform(-0.4, 0.4, (2000, units))
with plotting.style():
    plotting.prediction(
        nc.predict_next_states(modes, states), nc.predict_sequences(modes, sequences)
    )
