"""The keys that sign tokens, kept sealed, rotated with an overlap."""
