"""Where the security team works: risk decisions with their reasons. Every look leaves evidence."""
