"""Sessions: what a browser holds after a sign-in."""
