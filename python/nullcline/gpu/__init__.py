"""GPUs: which there are, what lies on them, and cuBLAS."""
