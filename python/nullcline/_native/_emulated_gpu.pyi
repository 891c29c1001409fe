"""Types of the GPU that tests emulate on the processor: those of `_cuda`."""

from nullcline._native._cuda import *  # noqa: F403
