"""The load generator, and the benchmark of the relay that is made with it. Linux only."""
