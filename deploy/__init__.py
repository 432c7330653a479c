"""The command line and the standalone launcher."""
