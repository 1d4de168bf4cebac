"""The end of every sign-in: session, device, what risk learns, and where the browser goes."""
