"""SDP offers, answers and fragments."""
