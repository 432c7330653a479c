"""Who publishes into a room, who watches it, and who succeeds a publisher."""
