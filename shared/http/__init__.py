"""The HTTP server of both planes, and what it takes from strangers."""
