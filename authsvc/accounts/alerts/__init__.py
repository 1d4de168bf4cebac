"""Warnings to an account's owner, each with a "this wasn't me" link that works without signing in."""
