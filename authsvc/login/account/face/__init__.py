"""The face of one account: enrolling it, and the devices whose keys sign its captures."""
