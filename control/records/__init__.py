"""Recordings: who may read them, where they are, and their way to the client."""
