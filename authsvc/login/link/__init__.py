"""Links in mails: another spelling of the code beside them, worth something only where that code is asked for."""
