"""Drop-in replacements for other packages' classes, on this package's solvers."""
