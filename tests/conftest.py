"""Settings that all tests share."""

from __future__ import annotations

from hypothesis import settings

# The same examples in every run, and no deadline: a test fails for what it proves, not for load.
settings.register_profile("nullcline", derandomize=True, deadline=None)
settings.load_profile("nullcline")
