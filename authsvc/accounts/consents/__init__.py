"""Consents: what a person allowed, and when they took it back."""
