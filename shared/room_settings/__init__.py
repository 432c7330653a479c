"""What is set for single rooms, and the book in Redis that keeps it."""
