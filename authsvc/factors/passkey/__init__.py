"""Passkeys: WebAuthn credentials with user verification, by py_webauthn."""
