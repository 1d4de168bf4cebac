"""The `authsvc` command: serve, demo, migrate, user, client, key, audit, bench. Begins in main.py."""
