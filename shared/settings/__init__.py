"""Settings: what the environment says, parsed once at the border."""
