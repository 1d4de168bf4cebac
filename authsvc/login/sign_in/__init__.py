"""First factors: a password with its typing rhythm, or a passkey; then risk decides."""
