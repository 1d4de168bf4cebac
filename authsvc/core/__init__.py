"""Ground floor: what every room stands on. Knows nobody above it."""
