"""Karyotypes, genes, variants and panels: from what laboratories write to flags, counts and categories."""
