"""What `media.native` does, in Python: where that is not used, and for packets that it leaves out."""
