"""Law and manners as dated data: rule packs, and an engine that holds a message and its date against them."""
