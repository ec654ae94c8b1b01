"""Sources of contacts outside the stack directory, as streams of bytes: files on the web and in object stores, queries."""
