"""The messages between the planes, and between workers."""
