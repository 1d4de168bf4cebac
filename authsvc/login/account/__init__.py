"""The customer's own page: how they sign in, what they allowed, and signing out."""
