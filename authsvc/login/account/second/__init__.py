"""What an account has beside its first factors: an authenticator app, recovery codes."""
