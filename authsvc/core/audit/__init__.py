"""Evidence: append-only events, sealed into a keyed chain. service.py records, sealer.py chains, verify.py checks."""
