"""A clean table as the dirty extract that a site would deliver: its mapping read backwards, with the site's habits on top.

`delivery` makes tables of text, `text`, `excel`, `redcap`, `fhir` and `omop` write them; each follows the specification of its
format, not the reader of the same name.
"""
