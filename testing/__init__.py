"""What tests and benchmarks share: references to compare with, samples, trained networks."""
