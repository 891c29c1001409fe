"""The old name of `nullcline.study`; for figures of one's own network, of `nullcline.plotting`."""

from __future__ import annotations

import sys
import warnings
from importlib import import_module

warnings.warn(
    "nullcline.paper is now nullcline.study, and its figures of one's own network are in "
    "nullcline.plotting",
    DeprecationWarning,
    stacklevel=2,
)

_MOVED = {
    **{name: f"nullcline.study.{name}" for name in ("analysis", "reproduce", "results", "study")},
    "dynamics_figures": "nullcline.plotting",
    "style": "nullcline.plotting.style",
}
for _name, _home in _MOVED.items():
    sys.modules[f"{__name__}.{_name}"] = globals()[_name] = import_module(_home)
