"""Server-sent events: to viewers (WHEP), of rooms, and to operators."""
