"""A cluster of any size without media: simulated workers, behind the real directory, RPC and control."""
