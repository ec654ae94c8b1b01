"""Sources of contacts outside the stack directory, as streams of bytes: files on the web and in object stores, queries."""

from smsops.edge.sources.open import open_source

__all__ = ["open_source"]
