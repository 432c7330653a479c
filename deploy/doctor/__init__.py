"""`roomcast doctor`: looks at a host and its settings, and says what would go wrong, and what mends it."""
