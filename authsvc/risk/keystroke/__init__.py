"""Typing rhythm: what a browser may send, its features, an account's profile, and how well a sample fits it."""
