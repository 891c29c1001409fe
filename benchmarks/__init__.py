"""Our searches against the peers, and what they cost at every size: measured in one run."""
