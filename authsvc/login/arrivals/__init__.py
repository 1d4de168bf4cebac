"""Between a proof and the end of a sign-in: who it is that arrives, and what risk says to it."""
