"""
The sheet of three classes
==========================

Of two classes a network remembers one number, and its slow manifold is a line. Three that are no
grades of one thing take two numbers: a sheet, on which the network holds which class leads.
"""

import numpy as np
import torch

import nullcline as nc
from nullcline import plotting

torch.manual_seed(0)
rng = np.random.default_rng(0)
units, words = 32, torch.eye(4)


# %%
# A GRU learns to say which of three words it has read most often. The fourth says nothing.
def texts(n: int, length: int = 20) -> tuple[torch.Tensor, torch.Tensor]:
    """Return texts of word numbers, and the class of each, where one leads."""
    read = rng.choice(4, (n, length), p=[0.15, 0.15, 0.15, 0.55])
    votes = np.stack([(read == word).sum(axis=1) for word in range(3)], axis=1)
    first, second = np.sort(votes, axis=1)[:, [2, 1]].T
    return torch.tensor(read[first > second]), torch.tensor(votes[first > second].argmax(axis=1))


rnn = torch.nn.GRU(4, units, batch_first=True)
readout = torch.nn.Linear(units, 3)
weights = [*rnn.parameters(), *readout.parameters()]
adam = torch.optim.Adam(weights, lr=5e-3)
for _ in range(300):
    read, label = texts(128)
    loss = torch.nn.functional.cross_entropy(readout(rnn(words[read])[1][0]), label)
    adam.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(weights, 1.0)
    adam.step()

# %%
# While it reads the word that says nothing, what it has is what it holds: all fixed points, and the
# sheet through the one by the middle of the states.
(cell,) = nc.from_torch(rnn)
read, label = texts(250)
with torch.no_grad():
    visited = rnn(words[read])[0].numpy().astype(float)
states = {f"class {word}": visited[label == word, 3:] for word in range(3)}
points = nc.find_all_fixed_points(cell, words[3].numpy()).points
middle = np.linalg.norm(points.h - visited.mean(axis=(0, 1)), axis=1).argmin()
sheet = nc.trace_sheet(cell, points[int(middle)])
with plotting.style():
    plotting.phase_plane(sheet, states)

# %%
# The same sheet in space, bent like a saddle, and the states about it.
with plotting.style():
    plotting.sheet(sheet, states)
