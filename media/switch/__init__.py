"""The hot path: packets from one source to many viewers."""
