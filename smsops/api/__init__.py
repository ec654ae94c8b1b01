"""The API: a contract that everybody may import, and a client that speaks HTTP."""
