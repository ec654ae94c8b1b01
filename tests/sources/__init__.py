"""Tests of sources of contacts outside the stack directory."""
