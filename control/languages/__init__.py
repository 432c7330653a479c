"""The languages of the pages: their words, and which one a request wants."""
