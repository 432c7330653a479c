"""Still pictures of rooms: made of keyframes by a process of its own, and handed to the control plane."""
