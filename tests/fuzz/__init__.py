"""Each parser and state machine that a stranger reaches, under inputs that are nearly right: `make fuzz`."""
