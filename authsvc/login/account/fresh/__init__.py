"""Who is at their own pages, and whether they have just proven that it is them."""
