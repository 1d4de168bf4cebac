"""How staff get in: the operator's one-time invitation, and the console's own sign-in."""
