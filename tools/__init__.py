"""Programs for those who work on Roomcast: `python -m tools.bench`, for one. Nothing of it is installed."""
