"""How an account usually signs in: from where, with what, when, over which line; and how usual this sign-in is."""
