"""What a browser's passkey manager is told of the signed-in account."""
