"""authsvc: the sign-in and trust service of an online shop. Start reading at app.py."""
