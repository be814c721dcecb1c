"""FHIR R4 and R5: newline-delimited JSON and bundles."""
