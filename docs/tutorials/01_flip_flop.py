r"""
A memory of three bits: a rate network on the flip-flop task
============================================================

Sussillo and Barak (2013) opened the black box with this task. Three inputs send a short pulse now
and then, up or down; three outputs must say, of each input, which way its last pulse went. So the
network has to remember three bits, and eight states in which nothing changes are the obvious way.

We train a network of firing rates on it, here and now, and then ask: **where does it keep the
bits, what lies between the memories, and how much input does a memory bear?**

You need `pip install 'nullcline[torch,plot]'`. The whole script takes some seconds on a laptop.
"""

# %%
# ## The network
#
# The currents $h$ of 64 units follow $\tau \dot h = -h + W \tanh(h) + U x + b$ with $\tau = 50$
# ms, in steps of $dt = 10$ ms; the outputs are a linear readout of the rates $\tanh(h)$.

import matplotlib.pyplot as plt
import numpy as np
import torch

import nullcline as nc
from nullcline import plotting

DT, TAU, UNITS, BITS = 10.0, 50.0, 64, 3


class RateNetwork(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(0.9 * torch.randn(UNITS, UNITS) / UNITS**0.5)
        self.u = torch.nn.Parameter(torch.randn(UNITS, BITS) / BITS**0.5)
        self.b = torch.nn.Parameter(torch.zeros(UNITS))
        self.readout = torch.nn.Parameter(torch.randn(BITS, UNITS) / UNITS**0.5)

    def forward(self, x):
        h, currents = torch.zeros(len(x), UNITS), []
        for drive in (x @ self.u.T + self.b).unbind(dim=1):
            h = h + DT / TAU * (-h + torch.tanh(h) @ self.w.T + drive)
            currents.append(h)
        currents = torch.stack(currents, dim=1)
        return currents, torch.tanh(currents) @ self.readout.T


# %%
# ## The task, and training
#
# A pulse lasts one step. The right answer is the sign of the last pulse, and every trial begins
# with one on each input.

torch.set_num_threads(1)  # products this small are fastest on one thread
torch.manual_seed(0)
rng = np.random.default_rng(0)


def trials(n, steps=40, rate=0.1):
    pulses = rng.choice([-1.0, 0.0, 1.0], p=[rate / 2, 1 - rate, rate / 2], size=(n, steps, BITS))
    pulses[:, 0] = rng.choice([-1.0, 1.0], size=(n, BITS))
    answers = pulses.copy()
    for t in range(1, steps):
        answers[:, t] = np.where(pulses[:, t] == 0, answers[:, t - 1], pulses[:, t])
    return torch.tensor(pulses, dtype=torch.float32), torch.tensor(answers, dtype=torch.float32)


network = RateNetwork()
adam = torch.optim.Adam(network.parameters())
schedule = torch.optim.lr_scheduler.OneCycleLR(adam, max_lr=0.03, total_steps=800)
for _ in range(800):
    x, answers = trials(64)
    loss = ((network(x)[1] - answers)[:, 1:] ** 2).mean()
    adam.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    adam.step()
    schedule.step()

with torch.no_grad():
    x, answers = trials(200, steps=100, rate=0.05)
    states, outputs = network(x)
accuracy = (torch.sign(outputs) == answers)[:, 5:].float().mean().item()
print(f"{accuracy:.1%} of the answers in new, longer trials are right")

# %%
# One of these trials: pulses as dots, outputs as lines.

time = DT * np.arange(100)
figure, rows = plt.subplots(BITS, figsize=(7, 3.2), sharex=True, layout="constrained")
for bit, axes in enumerate(rows):
    axes.plot(time, outputs[0, :, bit], color=f"C{bit}")
    sent = x[0, :, bit] != 0
    axes.plot(time[sent], x[0, sent, bit], "o", color=f"C{bit}", mec="black")
    axes.set(ylabel=f"bit {bit + 1}", ylim=(-1.4, 1.4))
rows[-1].set_xlabel("time (ms)")
plt.show()

# %%
# ## As a cell
#
# PyTorch has no such layer, so that we hand over the arrays. `nc.RateRNN` is the same equation;
# it knows `dt` and `tau`, and so tells times in milliseconds. That it is the same network is
# worth one line to check.

w, u, b, readout = (
    parameter.detach().double().numpy()
    for parameter in (network.w, network.u, network.b, network.readout)
)
cell = nc.RateRNN(u, w, b, dt=DT, tau=TAU, activation="tanh")
h, next_h, next_x = (array.double().numpy() for array in (states[:, 50], states[:, 51], x[:, 51]))
np.testing.assert_allclose(cell.step(h, next_x), next_h, atol=1e-5)

# %%
# ## Its fixed points
#
# We search from 1,000 states that the network visited, shaken a little, since a network that
# works well visits its memories most of the time and the states between them hardly ever. Without
# a third argument the input is zero: no pulse.

visited = states.double().numpy().reshape(-1, UNITS)
starts = visited[rng.choice(len(visited), 1000)] + 0.5 * rng.normal(size=(1000, UNITS))
points = nc.find_fixed_points(cell, starts).unique()
print(points)

# %%
# Every start came to a fixed point, a zero of $h' - h$ to rounding, and there are 27 of them. The
# linearization around each says in how many directions the network leaves it.

modes = nc.linearize(cell, points)
directions = (np.abs(modes.eigenvalues) > 1).sum(axis=1)
for number in range(BITS + 1):
    print(f"{(directions == number).sum():2d} points with {number} unstable directions")

# %%
# Eight stable points are the memories. Between two memories that differ in one bit lies a saddle
# with one unstable direction: 12, one for each edge of a cube. In the middle of each of its 6
# faces there is one with two, and in the centre of the cube one with all three. Each of the three
# bits can be up, down or undecided: $3^3 = 27$.
#
# The sum of $(-1)^k$ over all points with $k$ unstable directions, all of them real, is the degree
# of the map, which is 1 for every network whose rates are bounded. Here $8 - 12 + 6 - 1 = 1$: no
# point is missing that would change this sum.

bits = np.tanh(points.h) @ readout.T
figure = plt.figure(figsize=(5.2, 4.6), layout="constrained")
axes = figure.add_subplot(projection="3d")
axes.plot(*outputs[:40].reshape(-1, BITS).T, color="0.75", lw=0.3, zorder=0)
for number, marker in enumerate("o^sD"):
    label = ["memory", "saddle, 1 direction", "saddle, 2", "saddle, 3"][number]
    axes.scatter(*bits[directions == number].T, marker=marker, s=45, depthshade=False, label=label)
axes.set(xlabel="bit 1", ylabel="bit 2", zlabel="bit 3")
axes.set_box_aspect(None, zoom=0.85)
axes.legend(loc="upper left", fontsize="small")
plt.show()

# %%
# ## How slow is it near a memory?
#
# The membrane's time constant is 50 ms. The slowest mode around a memory takes not much longer: a
# memory is a basin to fall into, not a clock that runs down.

memories = directions == 0
slowest = modes.physical_time_constants[memories].max(axis=1)
print(f"slowest time constants around the memories: {slowest.min():.0f} to {slowest.max():.0f} ms")
print("all stable:", set(modes.stability[memories].tolist()) == {"stable"})

# %%
# ## A plane through four memories
#
# The nine points whose third bit is up lie near a plane. The speed
# $q(h) = \mathrm{mean}((h - F(h))^2)$ in it shows what the network does there: valleys are the
# fixed points, and the arrows, the steps from here to there, lead over the saddles into the
# memories.

face = points.select(np.flatnonzero(bits[:, 2] > 0.5))
plane = plotting.Projection.principal(face.h)
with plotting.style():
    axes = plotting.speed_landscape(cell, plane, face)
    plotting.flow(cell, plane, face, colour="white", ax=axes)
    plotting.fixed_points(face, projection=plane, n_directions=0, ax=axes)
plt.show()

# %%
# ## The line between two memories
#
# `nc.trace` follows the slow manifold through a point as a curve. From the saddle on the edge
# between two memories it runs to both of them, and along it the network moves in one direction
# only, by $\tau$: zero at the three points, towards a memory between them.

edge = int(np.flatnonzero((directions == 1) & (np.abs(bits[:, 0]) < 0.5))[0])
traced = nc.trace(cell, points.select([edge]))
curve = traced.curves[0]
near = np.abs(curve.arclength) < 3  # which is 0 at the saddle
along = np.tanh(curve.h[near]) @ readout.T

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
axes.axhline(0, color="0.7", lw=0.8)
axes.plot(along[:, 0], curve.tau[near])
axes.plot(bits[edge, 0], 0, "^", color="C1", ms=9, label="the saddle that it starts from")
axes.set(xlabel="bit 1, read out along the curve", ylabel=r"$\tau$")
axes.set(xlim=(-1.05, 1.05), ylim=(-0.1, 0.1))
axes.legend()
plt.show()

# %%
# The curve goes on beyond the memories, and turns, and comes to other points: a search from one
# point along it, without any other start, finds

print(len(traced.points), "fixed points on the curve through one saddle")

# %%
# ## How much does a memory bear?
#
# `nc.follow_input` follows a memory while the input on line 1 grows and is held. As long as the
# memory is there, the network keeps the bit; at `fold_s` it meets the saddle of its edge, both
# vanish, and the bit must flip.

memory = int(np.flatnonzero(memories & (bits[:, 0] < 0))[0])
branch = nc.follow_input(cell, points.select([memory]), np.array([1.0, 0.0, 0.0]), reach=2.0)
fold = branch.fold_s[0]
print(f"an input of {fold:.3f} on line 1, held, is as much as this memory bears")

# %%
# Simulation agrees. Just below that input the network stays; just above it, it goes.


def first_bit_after(strength, steps=3000):
    state = points.h[[memory]]
    for _ in range(steps):
        state = cell.step(state, np.array([[strength, 0.0, 0.0]]))
    for _ in range(200):  # and without input again
        state = cell.step(state)
    return (np.tanh(state) @ readout.T)[0, 0]


below, above = first_bit_after(0.98 * fold), first_bit_after(1.02 * fold)
print(f"bit 1 after 98% of it: {below:+.2f}, after 102% of it: {above:+.2f}")

# %%
# ## Where to go on
#
# - [Cells](../../cells.md#networks-of-rates): leaks and activations per unit, recurrences of low
#   rank.
# - [The line attractor as a curve](../../line_attractor.md): what `trace` and `follow_input` do.
# - [What the linearization tells](../../linearized.md): modes, time constants, what an input
#   does.
