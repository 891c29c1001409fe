"""What authors call the inputs and the states of their modules."""

from __future__ import annotations

import re

_STATE = re.compile(
    r"((prev|previous|last|old|init|initial|start|rnn|gru|lstm|cell|recurrent)_?)*"
    r"([hcsvra]|h?hx|cx|[hc][yz]|hid|hidden|state|states|cell|carry|memory|mem|rates?|start|syn"
    r"|latent|stoch|deter)"
    r"(\d|s|x|_?(\d|t|n|prev|last|in|init|state|states))*",
    re.IGNORECASE,
)
"""A state, or one of its parts."""

_INPUT = re.compile(
    r"(u|u_?t|us|inputs?_?t?|inp|stim|stimulus|drive|external_input)", re.IGNORECASE
)
"""An input, where the other argument may be the state."""


def names_state(name: str) -> bool:
    """Whether this is what a state is called."""
    return _STATE.fullmatch(name) is not None


def names_input(name: str) -> bool:
    """Whether this is what an input is called, and hardly a state."""
    return _INPUT.fullmatch(name) is not None
