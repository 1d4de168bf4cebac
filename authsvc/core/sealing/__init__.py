"""Encryption at rest: master keys, one key per person, keyed hashes for look-ups."""
