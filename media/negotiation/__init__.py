"""From an offer to an answer."""
