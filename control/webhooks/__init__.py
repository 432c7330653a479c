"""Tells other systems what happens in rooms (docs/webhooks.md)."""
