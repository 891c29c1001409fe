"""Drop-ins for other packages, on this one's solvers."""
