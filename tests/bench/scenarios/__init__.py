"""What `python -m tests.bench` can measure: one module for each of its commands."""
