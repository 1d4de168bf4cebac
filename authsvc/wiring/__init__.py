"""What app.py composes a running authsvc of, and no room may hold: it would have to know the others."""
