"""What a worker counts and measures, and how Prometheus gets it: a file per topic."""
