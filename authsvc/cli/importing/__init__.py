"""Bring the customers of another system: read its export, keep accounts with the hashes they have."""
