"""Accounts that came from another system: which import brought them, and how far each import got."""
