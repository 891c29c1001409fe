"""What researchers run today, each as an expert would write it: a file a library."""
