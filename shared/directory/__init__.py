"""What Redis knows of the cluster: workers, rooms, and who owns which."""
