"""More proof: the ladder's rungs, emailed codes, face captures, and opening a locked account."""
