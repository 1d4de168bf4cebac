"""Where an account is signed in, on which devices it is known, and ending that."""
