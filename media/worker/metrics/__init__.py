"""A worker's metrics for Prometheus: one file for each topic."""
