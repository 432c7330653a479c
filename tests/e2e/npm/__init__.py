"""The npm package, in fresh folders and in a real browser."""
