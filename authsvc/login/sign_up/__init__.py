"""Creating an account: the address is proven first, then a passkey or a password is chosen."""
