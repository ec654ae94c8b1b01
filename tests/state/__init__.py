"""Tests of where the state lies."""
