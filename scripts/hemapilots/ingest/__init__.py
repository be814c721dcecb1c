"""From a site's extract to tables of raw text, one reader per format.

A column that no mapping names is never kept, so names, birth dates and addresses cannot enter.
"""
