"""Requests from control to workers, over Redis lists."""
