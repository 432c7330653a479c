"""Recording: what publishers send, in files that open everywhere."""
