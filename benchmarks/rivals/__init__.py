"""What researchers run today, each as an expert would write it: one file per library."""
