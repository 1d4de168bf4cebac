"""Versions of the policy: kept by the hash of what they say, proposed by one and activated by another."""
