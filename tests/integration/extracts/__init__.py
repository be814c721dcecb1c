"""Writes clean tables as the dirty extracts of many formats, for the acceptance tests of harmonization.

`clean` draws patients from nothing but a use case; `cells` reads a mapping backwards into tables of text, with the habits
of a site on top; `text`, `excel`, `redcap`, `fhir` and `omop` write these tables; `compare` says where two tables differ.
Each writer follows the specification of its format, not the reader that is tested with it.
"""
