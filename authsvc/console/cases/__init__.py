"""Cases: customers who said "this wasn't me", for the security team to look at."""
