"""Pictures of the pages, for people to look at: `python -m tools.screenshots`."""
