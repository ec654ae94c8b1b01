"""What the platform pushes: reading it, keeping it, and the server that it is pushed to."""
