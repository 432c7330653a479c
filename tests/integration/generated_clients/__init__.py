"""Clients that others' generators make of `openapi.yaml`, against a live system."""
