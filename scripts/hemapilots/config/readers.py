"""The formats that a mapping may name; apart from the mapping's shape, so that jobs which only read need no validator."""

READERS = ("csv", "excel", "parquet", "redcap", "fhir", "omop", "cbioportal")
