"""Who somebody is: account, address, role, device, session, consent."""
