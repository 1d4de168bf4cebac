"""Accounts to be: a shop has asked for one, and its owner has not come yet."""
