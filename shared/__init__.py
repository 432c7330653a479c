"""What the control plane and the media plane both speak."""
