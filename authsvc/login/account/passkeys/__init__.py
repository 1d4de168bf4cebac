"""An account's own passkeys: add, rename, remove."""
