"""Captures: what an app begins on a ticket, sends, and gets a verdict for."""
