"""Getting back into an account whose stronger factors are lost, without ever stepping down to the mailbox alone."""
