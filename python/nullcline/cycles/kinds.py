"""What kinds of cycles there are, and of what orbits settle on.

"fixed"
    A fixed point: a cycle of one state.
"cycle"
    A cycle of two states or more.
"quasi-periodic"
    An invariant circle, or a torus: an orbit that comes near every state that it has been at, and
    never back to it.
"chaotic"
    An attractor on which orbits part at an exponential rate.
"unsettled"
    Everything else: what was seen of the orbit is too short to tell.

A search for cycles ends in one of these, or, where Newton's method finds none, is

"unclosed"
    No cycle of the period that was sought was found from there.
"""

from __future__ import annotations

CYCLE_KINDS = FIXED, CYCLE = "fixed", "cycle"
"""The kinds of cycles."""

ATTRACTOR_KINDS = (*CYCLE_KINDS, "quasi-periodic", "chaotic", "unsettled")
"""The kinds of what orbits settle on."""

_, _, QUASI_PERIODIC, CHAOTIC, UNSETTLED = ATTRACTOR_KINDS

END_KINDS = (*ATTRACTOR_KINDS, "unclosed")
"""How searches for cycles end."""

LOST_KINDS = END_KINDS[2:]
"""How they end that find no cycle."""

UNCLOSED = END_KINDS[-1]
