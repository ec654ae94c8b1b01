"""The verbs with effects: files, processes, the network. They never name a kind."""
