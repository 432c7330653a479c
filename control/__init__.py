"""The stateless HTTP control plane."""
