"""What the tests of the whole system share: a system to test, and clients to test it with."""
