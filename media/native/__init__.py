"""What is there in C as well, for speed; nobody has to have it."""
