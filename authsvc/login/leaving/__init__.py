"""Taking one's data along, and deleting the account."""
