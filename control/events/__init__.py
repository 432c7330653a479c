"""Event streams of viewers (WHEP)."""
