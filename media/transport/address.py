"""The address of a peer, as sockets give it."""

Address = tuple[str, int] | tuple[str, int, int, int]
