"""What operators forbid, and the book in Redis that keeps it."""
