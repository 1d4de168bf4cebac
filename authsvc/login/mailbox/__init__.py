"""The mailbox as a first proof, where nothing else was shown: a reset and a recovery begin with it."""
