"""Passwords: argon2id hashes, the delay after failures, and what a new password must be."""
