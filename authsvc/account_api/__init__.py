"""`/v1/accounts`: what a shop's own server may see and do, each client with the scopes it was given."""
