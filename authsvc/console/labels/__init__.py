"""What analysts say of decisions."""
