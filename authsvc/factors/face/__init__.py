"""Faces: a capture of a few frames, compared with the account's sealed template. Evidence; satisfies no step-up yet."""
