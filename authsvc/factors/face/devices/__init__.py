"""The keys with which phones and browsers sign their captures: registered once, each from a signed-in session."""
