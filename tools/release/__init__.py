"""The files of a release: `make release`, `make npm`."""
