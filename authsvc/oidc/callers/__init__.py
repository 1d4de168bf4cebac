"""Which client is calling: what the account API asks of an access token."""
