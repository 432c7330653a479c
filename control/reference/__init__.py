"""The page about the API, made from its description."""
