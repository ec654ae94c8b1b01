"""The verbs of a plan, pure: data in, data out. No clock, no files, no network, no printing, no kind by name."""
