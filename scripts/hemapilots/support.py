"""How many must stand behind a number that leaves a site (METHODS 2)."""

__all__ = ["MINIMUM_SUPPORT"]

# Patients, events, and carriers and non-carriers of what a 0/1 column tells; also the least cell of a released table.
MINIMUM_SUPPORT = 5
