"""The search for fixed points: what may be asked, where it runs, and what it found."""
