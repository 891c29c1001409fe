"""NVIDIA GPUs: whether a search can run on one, why not, and which there are.

``nullcline.find_fixed_points(cell, states, device="cuda")`` searches on one.
"""

from nullcline.gpu.availability import (
    Availability,
    CudaUnavailableError,
    Device,
    devices,
    is_available,
)

__all__ = ["Availability", "CudaUnavailableError", "Device", "devices", "is_available"]
