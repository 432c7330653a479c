"""The media worker: sessions, relay and recording."""
