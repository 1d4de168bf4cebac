"""Devices: browsers that an account has completed a sign-in from."""
