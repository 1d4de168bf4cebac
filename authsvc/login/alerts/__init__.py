"""What happens when a customer says "this wasn't me"."""
