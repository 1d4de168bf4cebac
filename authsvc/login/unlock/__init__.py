"""Passwords are taken again from devices that the account does not know: its owner read the mailbox."""
