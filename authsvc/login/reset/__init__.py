"""A forgotten password: the mailbox is proven, and a new one is chosen. Never past a second factor."""
