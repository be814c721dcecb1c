"""From raw text to the use case's variables in canonical units, with every doubt listed."""
