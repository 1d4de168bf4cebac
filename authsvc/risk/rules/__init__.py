"""Rules of a policy: expressions over named facts, checked when they are read and bounded when they run."""
