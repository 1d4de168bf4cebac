"""Templates: sealed, projected, renewed."""
