"""What recordings hold: read from their files by a process of its own, and kept beside them."""
