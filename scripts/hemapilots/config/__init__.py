"""The shapes of the YAML files under config/: the one place where YAML becomes objects, and the only validator of a single file.

What holds between files (a mapping's variables are the use case's, a criterion's regime exists) is checked in `cross_checks`.
"""
