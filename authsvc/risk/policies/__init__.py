"""Versions of the policy: kept by the hash of what they say, proposed by one, activated by another, seen by all nodes."""
