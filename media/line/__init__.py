"""What one viewer's line carries, and which rendition of the picture fits it."""
