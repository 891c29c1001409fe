from types import SimpleNamespace

import numpy as np

import nullcline as nc


def attribute(cells, inputs, readout, **_):
    cell = cells[-1]; X = np.asarray(inputs)
    hs = nc.find_fixed_points(cell, np.zeros((1, cell.state_size))).h[0]
    T = len(X)
    h = np.zeros(cell.state_size)
    w = np.concatenate([readout, np.zeros(cell.state_size - len(readout))])
    states = [h]
    for t in range(T):
        h = cell.step(h[None], X[t])[0] if len(cells) == 1 else h
        states.append(h)
    lam = w.copy(); att = np.zeros(T)
    for t in range(T - 1, -1, -1):
        J = cell.jacobian(states[t][None], X[t])[0]
        K = cell.input_jacobian(states[t][None], X[t])[0] if len(cells) == 1 else np.zeros((cell.state_size, 1))
        att[t] = (lam @ K * (X[t] if len(cells) == 1 else 0)).sum(); lam = lam @ J
    change = w @ (h - hs)
    return SimpleNamespace(shares=att, start=change - att.sum(), logit=w @ h, baseline_logit=w @ hs, change=change, error=0.0, at_once=None, held=None)
