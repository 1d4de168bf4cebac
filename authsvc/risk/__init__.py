"""What we believe about a sign-in: context -> signals -> log-odds -> policy -> decision, stored with what it saw."""
