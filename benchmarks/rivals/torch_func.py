"""Levenberg-Marquardt on F(h) - h in PyTorch: torch.func, batched linear algebra, float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.networks import Network


def levenberg_marquardt(
    network: Network,
    starts: NDArray[np.float64],
    max_iterations: int = 200,
    device: str = "cpu",
) -> NDArray[np.float64]:
    """Minimize ‖F(h) - h‖² from all starts, those that are done dropping out."""
    # vmap has no rule for torch's GRUCell and says so; written out in full it is no faster here.
    cell = network.torch_cell(torch.float64).to(device)
    zero = torch.zeros(network.input_size, dtype=torch.float64, device=device)

    def residual(state: torch.Tensor) -> Any:
        return cell(zero, state) - state

    residuals = torch.func.vmap(residual)
    jacobians = torch.func.vmap(torch.func.jacfwd(residual))
    size = network.hidden_size
    identity = torch.eye(size, dtype=torch.float64, device=device)
    h = torch.tensor(starts, device=device)
    damping = torch.full_like(h[:, 0], 1e-3)
    active = torch.arange(len(h), device=device)
    for _ in range(max_iterations):
        state, f = h[active], residuals(h[active])
        jacobian = jacobians(state)
        gradient = (f[:, None] @ jacobian)[:, 0]
        normal = jacobian.mT @ jacobian
        shift = damping[active] * normal.diagonal(dim1=1, dim2=2).mean(dim=1)
        factor, failed = torch.linalg.cholesky_ex(normal + shift[:, None, None] * identity)
        step = -torch.cholesky_solve(gradient[..., None], factor)[..., 0]
        trial = state + step
        square, trial_square = f.square().sum(dim=1), residuals(trial).square().sum(dim=1)
        predicted = square - (f + (jacobian @ step[..., None])[..., 0]).square().sum(dim=1)
        better = (failed == 0) & (trial_square < square)
        h[active] = torch.where(better[:, None], trial, state)
        # Nielsen's rule, without its memory.
        ratio = ((square - trial_square) / predicted).clamp(0, 1)
        factor_of_damping = torch.where(better, (1 - (2 * ratio - 1) ** 3).clamp(min=0.1), 4.0)
        damping[active] = (damping[active] * factor_of_damping).clamp(1e-14, 1e12)
        small = gradient.norm(dim=1) <= 1e-10 * square.sqrt()
        done = small | (square <= 1e-26 * size) | (damping[active] >= 1e12)
        active = active[~done]
        if len(active) == 0:
            break
    return h.cpu().numpy()
