"""One-time passwords from an app (TOTP, RFC 6238): a second factor that works on any phone, without a network."""
