"""How a plan and an apply look: as text, as JSON, and while they run."""
