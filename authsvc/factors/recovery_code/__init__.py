"""Recovery codes: ten words on paper, for the day on which everything else is lost."""
