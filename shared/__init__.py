"""What the control plane and the media plane have in common."""
