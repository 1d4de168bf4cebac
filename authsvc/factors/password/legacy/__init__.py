"""Hashes that other systems made: read, bounded, checked once at the customer's first sign-in, then replaced."""
