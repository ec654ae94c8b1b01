"""Where the state lies: a small interface (`backend`), its implementations, and the machinery above it (`store`)."""
