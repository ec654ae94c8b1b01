"""The pages that commands print, in a real browser."""
