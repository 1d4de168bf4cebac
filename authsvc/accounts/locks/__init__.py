"""Locking an account, and unlocking it."""
