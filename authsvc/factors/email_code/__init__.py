"""Codes by mail: they prove that somebody reads an address right now, and no more than that."""
