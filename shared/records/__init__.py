"""Recordings as files: names, folders, links, responses and the store."""
