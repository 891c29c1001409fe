"""Attribution: every input's exact share of what a network says, by secants along its trajectory.

`attribute` is the way in, and `Attribution` what it gives. Files, from the first that runs to the
last: `network` reads layers and directions, `sequences` texts and their lengths, `baseline` finds
where the network rests, `passes` runs one cell forward and its secants backward, and `propagation`
takes that through all layers.
"""

from nullcline.attribution.result import Attribution
from nullcline.attribution.shares import attribute

__all__ = ["Attribution", "attribute"]
