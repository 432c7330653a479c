"""The HTTP resources, a module for each kind."""
