"""How many sites a robust strategy needs; asked before a run, and again in it."""


def too_few(strategy: str, options: dict, sites: int) -> str | None:
    """Why a robust strategy means nothing with so few sites, or None."""
    if strategy == "fedtrimmedavg" and int(options["trimmed"] * sites) < 1:
        return f"trimming {options['trimmed']:g} of {sites} sites removes nobody; take more sites or a larger `trimmed`"
    if strategy == "krum" and sites < 2 * options["malicious"] + 3:
        needed = 2 * options["malicious"] + 3
        return f"with {options['malicious']} malicious Krum has no guarantee below {needed} sites, here are {sites}; use fedmedian"
    return None
