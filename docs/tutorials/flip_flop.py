"""
A memory of three bits
======================

Intro with a formula $h' = F(h, x)$ and `code`.
"""

import matplotlib.pyplot as plt
import numpy as np

import nullcline as nc

rng = np.random.default_rng(0)

# %%
# ## Next
# Some words $\tau$ and
#
# $$
# a = b
# $$

cell = nc.RateRNN(np.zeros((2, 1)), 2*np.eye(2), alpha=0.1)
p = nc.find_fixed_points(cell, rng.normal(size=(50, 2))).unique()
print(p)

# %%
# Show
plt.plot(p.h[:, 0], p.h[:, 1], "o")
plt.show()

# %%
p
