"""What happened on an account, in its owner's words, and "this wasn't me" on each of it."""
