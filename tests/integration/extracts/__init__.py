"""For the acceptance tests of harmonization: clean patients, what they must become, and cells that are made dirty beyond repair.

`clean` draws patients from nothing but a use case, `cohorts` makes them such as a source could really have, `faults` plants
cells that cannot be read, and `compare` says where two tables differ. The library writes the extracts.
"""
