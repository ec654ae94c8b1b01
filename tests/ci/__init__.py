"""CI: the action, the hooks, the templates."""
