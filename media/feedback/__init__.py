"""RTCP with publishers and viewers."""
