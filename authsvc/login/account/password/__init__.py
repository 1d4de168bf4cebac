"""An account's own password: change, add, remove."""
