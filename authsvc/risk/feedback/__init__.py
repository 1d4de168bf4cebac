"""What became of decisions after all, and what the weights should learn from it."""
