"""The pages of a recovery, from the address to the new factor."""
