"""Documents that every process holds, and the book of them in Redis."""
