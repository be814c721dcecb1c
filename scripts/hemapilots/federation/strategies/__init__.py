"""Ways of combining the sites' updates: our own, and Flower's by name."""
