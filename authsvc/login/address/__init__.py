"""Changing the e-mail address of one's account, and putting the old one back."""
