"""Redis: connection, RPC, directory and the names of all keys."""
