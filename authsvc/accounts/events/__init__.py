"""Telling a shop's server that an account was created, changed or erased."""
