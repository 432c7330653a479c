"""Recordings as files: names, folders, responses and the store."""
