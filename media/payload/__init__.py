"""What is inside an RTP payload, codec by codec."""
