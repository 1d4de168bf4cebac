"""The offer to make a passkey, after a sign-in that took a password."""
