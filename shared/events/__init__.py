"""What happens in rooms, kept in Redis for webhooks."""
