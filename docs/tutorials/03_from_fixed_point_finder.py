r"""
From FixedPointFinder: the same program, before and after
=========================================================

[FixedPointFinder](https://github.com/mattgolub/fixed-point-finder) (Golub and Sussillo, 2018) is
what most people find fixed points with. A program that uses it with PyTorch changes **one line**:

```diff
- from FixedPointFinderTorch import FixedPointFinderTorch as FixedPointFinder
+ from nullcline.compat.fpf import FixedPointFinderTorch as FixedPointFinder
```

and, if it draws, imports `plot_fps` from there as well.

Below is such a program, on a GRU that holds three bits, the task of FixedPointFinder's own
example. It is followed by what the change is for: the counts that a descent of the speed leaves,
and those of a search that solves the equation.

You need `pip install 'nullcline[torch,plot]'`. The whole script takes some seconds on a laptop.
"""

# %%
# ## A trained network
#
# Three inputs send pulses, and three outputs say which way the last pulse of each went.

import tempfile

import matplotlib.pyplot as plt
import numpy as np
import torch

import nullcline as nc
from nullcline.compat.fpf import FixedPointFinderTorch as FixedPointFinder
from nullcline.compat.fpf import FixedPoints, plot_fps

torch.set_num_threads(1)  # products this small are fastest on one thread
torch.manual_seed(0)
rng = np.random.default_rng(0)
N_BITS, N_HIDDEN = 3, 16


class FlipFlop(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = torch.nn.GRU(N_BITS, N_HIDDEN, batch_first=True)
        self.readout = torch.nn.Linear(N_HIDDEN, N_BITS)

    def forward(self, inputs):
        hidden, _ = self.rnn(inputs)
        return hidden, self.readout(hidden)


def trials(n, steps=50, rate=0.1):
    pulses = rng.choice([-1.0, 0.0, 1.0], p=[rate / 2, 1 - rate, rate / 2], size=(n, steps, N_BITS))
    pulses[:, 0] = rng.choice([-1.0, 1.0], size=(n, N_BITS))
    answers = pulses.copy()
    for t in range(1, steps):
        answers[:, t] = np.where(pulses[:, t] == 0, answers[:, t - 1], pulses[:, t])
    return torch.tensor(pulses, dtype=torch.float32), torch.tensor(answers, dtype=torch.float32)


model = FlipFlop()
adam = torch.optim.Adam(model.parameters())
schedule = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=0.03, total_steps=500)
for _ in range(500):
    inputs, answers = trials(64)
    loss = ((model(inputs)[1] - answers) ** 2).mean()
    adam.zero_grad()
    loss.backward()
    adam.step()
    schedule.step()

with torch.no_grad():
    inputs, answers = trials(200)
    hidden, outputs = model(inputs)
accuracy = (torch.sign(outputs) == answers).float().mean().item()
print(f"{accuracy:.1%} of the answers in new trials are right")

# %%
# ## The program
#
# From here on it is what one would write for FixedPointFinder, to the letter: its class, its
# arguments, its units, its attributes.

fpf = FixedPointFinder(model.rnn, tol_q=1e-12, verbose=False)
initial_states = fpf.sample_states(hidden.numpy(), n_inits=1024, noise_scale=0.5)
unique_fps, all_fps = fpf.find_fixed_points(initial_states, np.zeros((1, N_BITS)))

print(unique_fps.n, "unique points from", all_fps.n, "starts")
print("largest qstar:", unique_fps.qstar.max())
print("stable:", int(unique_fps.is_stable.sum()))

# %%
# Three bits that are up, down or undecided make $3^3 = 27$ points, of which the $2^3 = 8$ with
# all bits decided are stable.

plot_fps(unique_fps, hidden.numpy(), plot_batch_idx=range(30))
plt.show()

# %%
# ## What it did before
#
# FixedPointFinder descends $q$ with Adam until a tolerance or the limit of iterations is met.
# Here is such a descent in a dozen lines, from the same states, for 2,000 iterations; what it
# leaves are states with a small $q$, and points are counted as there, by their distance.
# (FixedPointFinder itself, on its own example: [952 unique points, 26 of them
# converged](../../fixed_point_finder.md#its-own-example).)

cell = torch.nn.GRUCell(N_BITS, N_HIDDEN).double()
cell.load_state_dict({name[:-3]: value.double() for name, value in model.rnn.state_dict().items()})
h = torch.tensor(initial_states, dtype=torch.float64, requires_grad=True)
zero = torch.zeros(len(h), N_BITS, dtype=torch.float64)
descent = torch.optim.Adam([h], lr=0.01)
for _ in range(2000):
    q = 0.5 * ((h - cell(zero, h)) ** 2).sum(dim=1)
    descent.zero_grad()
    q.sum().backward()
    descent.step()


def count_unique(states, tolerance=1e-3):
    kept = []
    for state in states:
        if all(np.linalg.norm(state - other) > tolerance for other in kept):
            kept.append(state)
    return len(kept)


q = q.detach().numpy()
ends = h.detach().numpy()
print("              unique points   starts that converged (q < 1e-12)")
print(f"descent of q  {count_unique(ends):13d}   {(q < 1e-12).sum()} of {len(q)}")
print(f"nullcline     {unique_fps.n:13d}   {(all_fps.qstar < 1e-12).sum()} of {all_fps.n}")

# %%
# ## What is new
#
# `kind` says what each end is. A zero to rounding is "fixed"; a local minimum of $q$ that is not
# zero is "slow" or, above `tol_q`, a "minimum"; all else is "unconverged". FixedPointFinder tells
# none of these from the others.

kinds, counts = np.unique(all_fps.kind, return_counts=True)
print(dict(zip(kinds.tolist(), counts.tolist(), strict=True)))

# %%
# The input Jacobian, which is `None` there, is there: how each point is pushed by each input.

print("dFdu:", unique_fps.dFdu.shape, " J_xstar:", unique_fps.J_xstar.shape)

# %%
# Files are archives of arrays, not pickles. `restore` reads FixedPointFinder's own pickles as
# well, without running anything in them.

with tempfile.TemporaryDirectory() as folder:
    unique_fps.save(f"{folder}/points.npz")
    restored = FixedPoints()
    restored.restore(f"{folder}/points.npz")
print(restored.n, "points read back")

# %%
# And each point can be proved. The cell is the same network, and `certify` says within which
# distance exactly one fixed point lies.

points = nc.find_fixed_points(nc.from_torch(model.rnn)[0], unique_fps.xstar.astype(float)).unique()
proof = points.certify()
print(
    f"{proof.certified.sum()} of {len(points)} are proved; "
    f"the nearest other one is at least {proof.radius_unique.min():.1e} away from each"
)

# %%
# ## Where to go on
#
# - [Coming from FixedPointFinder](../../fixed_point_finder.md): every argument, and a measured
#   comparison.
# - [How the search works](../../search.md).
