"""Whether there is matplotlib: imported before all else, to say in a sentence what brings it."""

from __future__ import annotations

from nullcline.interop._frameworks import framework

framework("matplotlib", "plot")
