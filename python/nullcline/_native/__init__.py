"""The compiled modules, their types, and the BLAS that they are handed."""
