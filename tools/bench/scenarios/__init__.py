"""What `python -m tools.bench` can measure: one module for each of its commands."""
