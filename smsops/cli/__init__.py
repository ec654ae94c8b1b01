"""The commands: options in, text or JSON out. Everything else is done further in."""
