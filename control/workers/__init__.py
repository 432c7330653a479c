"""The way to the workers: RPC, placement, and whether Redis is there."""
