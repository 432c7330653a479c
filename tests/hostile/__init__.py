"""Strangers who do all that harms, at once and for minutes, while honest viewers watch: `make hostile`."""
