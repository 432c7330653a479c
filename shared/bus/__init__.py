"""Redis: the connection, its clock, its scripts, and the names of all keys."""
