"""The worker process: composition, RPC, directory, time and metrics."""
