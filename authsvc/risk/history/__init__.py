"""What an account's earlier sign-ins looked like, and who failed lately: bounded rows, indexed look-ups."""
