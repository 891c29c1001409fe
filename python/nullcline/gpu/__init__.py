"""GPUs: which there are, what lies on them, and cuBLAS."""

from nullcline.gpu.availability import (
    Availability,
    CudaUnavailableError,
    Device,
    devices,
    is_available,
)

__all__ = ["Availability", "CudaUnavailableError", "Device", "devices", "is_available"]
