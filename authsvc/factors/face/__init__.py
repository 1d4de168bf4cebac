"""Faces: a capture of a few frames, signed by a device, compared with the account's sealed template."""
