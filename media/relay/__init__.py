"""One room over many workers: the origin has the publisher, an edge has a copy."""
