"""From an aligned face to its vector: who can do it, and the networks that do."""
