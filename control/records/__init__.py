"""Recordings: who may read them, where they are, and how they get to the client."""
