"""
What words do
=============

An input kicks the state; what lasts of the kick is its part along the slow modes. So a word has an
effect on the readout at once, and another that stays.
"""

import numpy as np

import nullcline as nc
from nullcline import plotting

rng = np.random.default_rng(0)
units, size = 30, 8

# %%
# A network that adds up valence, the first entry of a word's vector, and forgets all else.
line = rng.choice([-1.0, 1.0], units) / units**0.5
other = rng.normal(size=(units, size - 1)) / units**0.5
into = np.column_stack([line, 0.6 * other + 0.3 * np.outer(line, rng.normal(size=size - 1))])
weights = 0.97 * np.outer(line, line) + 0.3 * rng.normal(size=(units, units)) / units**0.5
cell = nc.LeakyRNN(into, weights, np.zeros(units), alpha=0.5)
valence = {"superb": 3, "lovely": 2, "fine": 1, "film": 0, "plot": 0, "dull": -1, "awful": -3}
words = [*valence, *(f"word {i}" for i in range(60))]
vectors = 0.4 * rng.normal(size=(len(words), size))
vectors[: len(valence), 0] += [0.5 * value for value in valence.values()]

# %%
# At the fixed point at rest; the readout sees the line, and something that passes.
modes = nc.linearize(cell, nc.find_fixed_points(cell, np.zeros((1, units))))
passing = other[:, 0] - line * (line @ other[:, 0])
readout = line + 2 * passing / np.linalg.norm(passing)
effects = nc.word_effects(modes, vectors, readout)
with plotting.style():
    plotting.word_projections(effects, vectors[:, 0], words)

# %%
# On the diagonal all of an effect lasts; on the horizontal line nothing does.
with plotting.style():
    plotting.instantaneous_and_steady(effects, words)

# %%
# Step after step: what some words do.
chosen = [words.index(word) for word in ("superb", "fine", "plot", "awful")]
response = nc.impulse_response(modes, vectors[chosen], readout, 30)
with plotting.style():
    plotting.word_responses(response, [words[i] for i in chosen])
