"""Is this the same person: scores, the cohort that they are relative to, and the operating point that decides."""
