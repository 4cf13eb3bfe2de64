"""Half an hour just below capacity, with a fault every two minutes: what grows, and what is lost."""
