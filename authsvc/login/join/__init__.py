"""Coming from the mail that tells somebody of an account a shop has asked for."""
